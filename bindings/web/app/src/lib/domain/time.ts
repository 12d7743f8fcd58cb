// Times and sizes as an official says them. Dates are those of UTC+7, wherever the phone thinks it is.
import { civilOf, moment } from '$web/lib/domain/format.ts';
import { t } from '../i18n/index.svelte.ts';

const OFFSET = '+07:00';

/** An instant as records write it: 2026-11-29T08:15:00+07:00. */
export const instant = (ms: number): string => `${new Date(ms + 7 * 3_600_000).toISOString().slice(0, 19)}${OFFSET}`;

/** The instant of a civil day and a time of day (08:15) in UTC+7. */
export const instantOf = (day: string, time: string): string => `${day}T${time}:00${OFFSET}`;

/** The time of day (08:15) of an instant, for an input. */
export const timeOf = (at: string): string => moment(at).slice(11);

export const today = (now: number): string => civilOf(now);

/** "Chủ nhật" of 2026-11-29. */
export function weekday(day: string, lang: 'vi' | 'en'): string {
  const name = new Intl.DateTimeFormat(lang === 'vi' ? 'vi-VN' : 'en-GB', { weekday: 'long', timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
  return name.charAt(0).toUpperCase() + name.slice(1).toLowerCase();
}

/** How long ago: "12 phút", "3 giờ", "2 ngày". */
export function ago(ms: number, now: number): string {
  const minutes = Math.max(0, Math.round((now - ms) / 60_000));
  if (minutes < 1) return t('ago.now');
  if (minutes < 60) return t('ago.minutes', { count: minutes });
  const hours = Math.round(minutes / 60);
  return hours < 48 ? t('ago.hours', { count: hours }) : t('ago.days', { count: Math.round(hours / 24) });
}

/** Bytes: "340 KB", "2,4 MB". */
export function size(bytes: number, lang: 'vi' | 'en'): string {
  const format = new Intl.NumberFormat(lang === 'vi' ? 'vi-VN' : 'en-GB', { maximumFractionDigits: bytes < 1_048_576 ? 0 : 1 });
  return bytes < 1_048_576 ? `${format.format(Math.ceil(bytes / 1024))} KB` : `${format.format(bytes / 1_048_576)} MB`;
}
