// What a device's line says, in words.
import type { Device } from '../../lib/api/client.ts';
import { type Key, t } from '../../lib/i18n/index.svelte.ts';
import { quarantineReason } from '../../lib/domain/reasons.ts';

/** A phone that was not heard of for a week: its official should be called. */
const SILENT_MS = 7 * 24 * 3_600_000;
/** A clock that is off by less does no harm and cannot be told from a slow line. */
const CLOCK_MS = 60_000;
/** Beyond this what is recorded gets wrong times. */
const CLOCK_OFF_MS = 300_000;

/** What keeps a phone from syncing and does not pass by itself. */
const FAILURES: Record<string, Key> = {
  disk_full: 'failure.disk_full',
  read_only: 'failure.disk_full',
  io: 'failure.disk_full',
  damaged: 'failure.damaged',
  version: 'failure.version',
  newer_version: 'failure.version',
  revoked: 'failure.enrol',
  unknown_device: 'failure.enrol',
  bad_signature: 'failure.enrol',
  sequence_reused: 'failure.enrol',
};

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

/** Something that is wrong with a phone. The heavier, the sooner somebody should look. */
export interface Trouble {
  weight: number;
  tone: 'warn' | 'bad';
  text: string;
  /** More of it, for those who look closer. */
  detail?: string;
  /** When it happened, Unix milliseconds. */
  at?: number | null;
}

/** Everything that is wrong with a phone, the worst first; a revoked one has nothing but what it left behind. */
export function troubles(device: Device, now: number): Trouble[] {
  const found: Trouble[] = [];
  const { health } = device;
  if (device.quarantined) found.push({ weight: 4, tone: 'warn', text: t('devices.is_aside', { count: device.quarantined }), detail: quarantineReason(device.last_reason) });
  if (!device.revoked_ms) {
    if (health?.failure) {
      const key = FAILURES[health.failure];
      found.push({ weight: 8, tone: 'bad', text: key ? t(key) : t('failure.other'), detail: key ? '' : health.failure, at: health.failure_ms });
    }
    if (health?.held_back) found.push({ weight: 4, tone: 'bad', text: t('devices.held_back', { count: health.held_back }) });
    if (Math.abs(device.skew_ms ?? 0) > CLOCK_OFF_MS) found.push({ weight: 2, tone: 'warn', text: t('devices.clock_off') });
    if (silent(device, now)) found.push({ weight: 1, tone: 'warn', text: t('devices.silent') });
  }
  return found.sort((a, b) => b.weight - a.weight);
}

/** The order of the list: more and heavier trouble first. */
export const burden = (device: Device, now: number): number => troubles(device, now).reduce((sum, { weight }) => sum + weight, 0);

/** What lies on a phone and not on the server: "3 thay đổi, 12 ảnh"; empty if nothing does. */
export function pendingText({ health }: Device): string {
  const parts = [health?.waiting ? t('devices.changes', { count: health.waiting }) : '', health?.files ? t('devices.photos', { count: health.files }) : ''];
  return parts.filter(Boolean).join(', ');
}
