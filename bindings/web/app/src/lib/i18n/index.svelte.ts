// The app's own words, beside those of the staff app that its shared modules say. Vietnamese first; a missing key does not
// compile.
import { type KeyOf, addWords, language, rememberedLanguage, wordOf } from '$web/lib/i18n/index.svelte.ts';
import vi from './vi.json';

addWords('field', vi, () => import('./en.json'));

export { language, rememberedLanguage };
export type Key = KeyOf<typeof vi>;

/** The words of a key in the chosen language. */
export const t = (key: Key, values?: Record<string, string | number>): string => wordOf('field', key, values);
