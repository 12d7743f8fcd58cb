// Words of the page. Vietnamese is built in; English is loaded when somebody asks for it. Keys are typed: a key that is
// not in vi.json does not compile, and a test holds both files to the same keys.
import i18next from 'i18next';
import type vi from './vi.json';
import viWords from './vi.json';

export type Lang = 'vi' | 'en';
type Base<K extends string> = K extends `${infer Stem}_other` ? Stem : K extends `${string}_one` ? never : K;
export type Key = Base<keyof typeof vi & string>;

const words = i18next.createInstance();
await words.init({
  lng: 'vi',
  fallbackLng: 'vi',
  keySeparator: false,
  nsSeparator: false,
  interpolation: { escapeValue: false }, // Svelte escapes
  resources: { vi: { translation: viWords } },
});

class Language {
  current = $state<Lang>('vi');

  /** Switches the language; loads its words first. */
  async use(lang: Lang): Promise<void> {
    if (lang === 'en' && !words.hasResourceBundle('en', 'translation')) {
      words.addResourceBundle('en', 'translation', (await import('./en.json')).default);
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
  void language.current; // a component that reads words follows the language
  return words.t(key, values ?? {});
}
