// Numbers, dates and times as the field writes them: 1.998, 48,3 %, 21/11/2026. Times are UTC+7 wherever the reader is.
import { language } from '../i18n/index.svelte.ts';

const OFFSET_MS = 7 * 3_600_000;
const formats = new Map<string, Intl.NumberFormat>();

function number(digits: number): Intl.NumberFormat {
  const key = `${language.current}${digits}`;
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.NumberFormat(language.current === 'vi' ? 'vi-VN' : 'en-GB', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  formats.set(key, made);
  return made;
}

/** What stands where there is no figure. */
export const NONE = '–';

/** A count, or what the server says in place of one ("<5"); null: a dash. */
export function count(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  return typeof value === 'string' ? value : number(0).format(value);
}

/** A number with one decimal. */
export function decimal(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined ? NONE : number(digits).format(value);
}

/** A rate from 0 to 1 as a percentage with one decimal. */
export function percent(rate: number | null | undefined): string {
  // A narrow no-break space: the sign must not fall into the next line.
  return rate === null || rate === undefined ? NONE : `${number(1).format(rate * 100)}\u202f%`;
}

/** A civil date (2026-11-21) as 21/11/2026. */
export function date(civil: string | null | undefined): string {
  if (!civil) return NONE;
  const [year, month, day] = civil.slice(0, 10).split('-');
  return `${day}/${month}/${year}`;
}

/** A civil date without its year: 21/11. */
export function shortDate(civil: string): string {
  const [, month, day] = civil.split('-');
  return `${day}/${month}`;
}

/** The civil date in UTC+7 of a moment (Unix milliseconds). */
export function civilOf(ms: number): string {
  return new Date(ms + OFFSET_MS).toISOString().slice(0, 10);
}

/** A moment, from Unix milliseconds or RFC 3339, as 21/11/2026 08:15. */
export function moment(at: number | string | null | undefined): string {
  if (at === null || at === undefined || at === '') return NONE;
  const ms = typeof at === 'number' ? at : Date.parse(at);
  if (Number.isNaN(ms)) return String(at);
  const text = new Date(ms + OFFSET_MS).toISOString();
  return `${date(text)} ${text.slice(11, 16)}`;
}

/** The time of day of a moment: 08:15. */
export function clock(at: string | null | undefined): string {
  return at ? moment(at).slice(11) : NONE;
}
