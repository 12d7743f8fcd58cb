// What a person chose in this browser: theme, columns, templates for replies.
const PREFIX = 'gandan.';

function read<T>(key: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

/** A value that outlives the page. */
export class Stored<T> {
  private value: T;
  constructor(
    private readonly key: string,
    otherwise: T,
  ) {
    this.value = $state.raw(read(key, otherwise));
  }

  get current(): T {
    return this.value;
  }

  set current(value: T) {
    this.value = value;
    try {
      localStorage.setItem(PREFIX + this.key, JSON.stringify(value));
    } catch {
      // Kept for this page only.
    }
  }
}

export type Theme = 'system' | 'light' | 'dark';

class ThemeChoice {
  current = $state<Theme>('system');

  constructor() {
    try {
      const found = localStorage.getItem(`${PREFIX}theme`);
      if (found === 'light' || found === 'dark') this.current = found;
    } catch {
      // The system's theme.
    }
  }

  use(theme: Theme): void {
    this.current = theme;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      if (theme === 'system') localStorage.removeItem(`${PREFIX}theme`);
      else localStorage.setItem(`${PREFIX}theme`, theme); // plain text: theme.js reads it before the first paint
    } catch {
      // Kept for this page only.
    }
  }
}

export const theme = new ThemeChoice();
