// Words of the page. Vietnamese is built in; English is loaded when somebody asks for it. Keys are typed: a key that is
// not in vi.json does not compile, and a test holds both files to the same keys.
import i18next from 'i18next';
import type vi from './vi.json';
import viWords from './vi.json';

export type Lang = 'vi' | 'en';
type Base<K extends string> = K extends `${infer Stem}_other` ? Stem : K extends `${string}_one` ? never : K;
/** The keys of a file of words; those of a plural count once. */
export type KeyOf<T> = Base<keyof T & string>;
export type Key = KeyOf<typeof vi>;
type Words = Record<string, string>;

const words = i18next.createInstance();
await words.init({
  lng: 'vi',
  fallbackLng: 'vi',
  keySeparator: false,
  nsSeparator: false,
  showSupportNotice: false, // a line about its makers in everybody's console
  interpolation: { escapeValue: false }, // Svelte escapes
  resources: { vi: { translation: viWords } },
});

/** English of every file of words, by its name. */
const english = new Map<string, () => Promise<{ default: Words }>>([['translation', () => import('./en.json')]]);

/** Words of an app that shares these modules, under a name of their own; read with `wordOf`. */
export function addWords(name: string, vietnamese: Words, load: () => Promise<{ default: Words }>): void {
  words.addResourceBundle('vi', name, vietnamese);
  english.set(name, load);
}

class Language {
  current = $state<Lang>('vi');

  /** Switches the language; loads its words first. */
  async use(lang: Lang): Promise<void> {
    if (lang === 'en') {
      for (const [name, load] of english) if (!words.hasResourceBundle('en', name)) words.addResourceBundle('en', name, (await load()).default);
    }
    await words.changeLanguage(lang);
    this.current = lang;
    document.documentElement.lang = lang;
    try {
      localStorage.setItem('gandan.lang', lang);
    } catch {
      // Not kept for the next time; nothing else is lost.
    }
  }
}

export const language = new Language();

/** The language of the last time, else Vietnamese. */
export function rememberedLanguage(): Lang {
  try {
    return localStorage.getItem('gandan.lang') === 'en' ? 'en' : 'vi';
  } catch {
    return 'vi';
  }
}

/** The words of a key in the chosen language. */
export function t(key: Key, values?: Record<string, string | number>): string {
  return wordOf('translation', key, values);
}

/** The words of a key in one of the files that `addWords` added. */
export function wordOf(name: string, key: string, values?: Record<string, string | number>): string {
  void language.current; // a component that reads words follows the language
  return words.t(key, { ...values, ns: name });
}
