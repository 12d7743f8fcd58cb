// What a device's line says, in words.
import type { Device } from '../../lib/api/client.ts';
import { t } from '../../lib/i18n/index.svelte.ts';

/** A phone that was not heard of for a week: its official should be called. */
const SILENT_MS = 7 * 24 * 3_600_000;
/** A clock that is off by less does no harm and cannot be told from a slow line. */
const CLOCK_MS = 60_000;

export const silent = (device: Device, now: number): boolean => now - (device.last_sync_ms ?? device.created_ms) > SILENT_MS;

/** How far a clock is off: "đúng", "nhanh 12 phút". */
export function clockText(skew_ms: number | null | undefined): string {
  if (skew_ms === null || skew_ms === undefined) return '–';
  const size = Math.abs(skew_ms);
  if (size < CLOCK_MS) return t('devices.clock_right');
  const minutes = Math.round(size / 60_000);
  const by = minutes < 120 ? t('devices.minutes', { count: minutes }) : minutes < 2_880 ? t('devices.hours', { count: Math.round(minutes / 60) }) : t('due.days', { count: Math.round(minutes / 1_440) });
  return t(skew_ms > 0 ? 'devices.clock_fast' : 'devices.clock_slow', { by });
}
