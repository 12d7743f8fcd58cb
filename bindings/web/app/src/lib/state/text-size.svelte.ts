import { Stored } from '$web/lib/state/stored.svelte.ts';

export type TextSize = 'normal' | 'large' | 'largest';

/** How large text is; theme.js sets it before the first paint. */
class TextSizeChoice {
  #stored = new Stored<TextSize>('textSize', 'normal');

  get current(): TextSize {
    return this.#stored.current;
  }

  use(size: TextSize): void {
    this.#stored.current = size;
    if (size === 'normal') delete document.documentElement.dataset.size;
    else document.documentElement.dataset.size = size;
  }
}

export const textSize = new TextSizeChoice();
