// Errors of the core in the reader's language: what happened, and what to do about it.
import { CoreError } from '../core/contract.ts';
import { type Key, t } from '../i18n/index.svelte.ts';

const SAID: Record<string, Key> = {
  bad_link: 'error.bad_link',
  insecure_link: 'error.insecure_link',
  code_unknown: 'error.code_unknown',
  code_used: 'error.code_used',
  code_expired: 'error.code_expired',
  already_enrolled: 'error.already_enrolled',
  not_enrolled: 'error.not_enrolled',
  no_grant: 'error.no_grant',
  not_found: 'error.not_found',
  weak_pin: 'error.weak_pin',
  offline: 'error.offline',
  insecure: 'error.insecure',
  stalled: 'error.stalled',
  cut: 'error.cut',
  not_our_server: 'error.not_our_server',
  cancelled: 'error.cancelled',
  wiped: 'error.wiped',
  stale: 'error.stale',
  photo_needs_consent: 'error.photo_needs_consent',
  text_too_long: 'error.text_too_long',
  out_of_range: 'error.out_of_range',
  disk_full: 'error.disk_full',
  busy: 'error.busy',
  bad_export: 'error.bad_export',
  not_yours: 'error.not_yours',
};

const BY_REMEDY: Record<CoreError['remedy'], Key> = {
  retry_later: 'error.retry_later',
  enrol_again: 'error.enrol_again',
  update_app: 'error.update_app',
  fix_input: 'error.fix_input',
  free_space: 'error.disk_full',
  bug: 'error.bug',
};

/** An error as a sentence. The code stands behind those that somebody may have to report. */
export function say(error: unknown): string {
  if (!(error instanceof CoreError)) return t('error.bug', { code: error instanceof Error ? error.message : String(error) });
  if (error.code === 'wrong_pin') {
    const seconds = Math.ceil((error.more.wait_ms ?? 0) / 1000);
    return seconds > 0 ? t('error.wrong_pin_wait', { count: seconds }) : t('error.wrong_pin');
  }
  const key = SAID[error.code];
  return key ? t(key) : t(BY_REMEDY[error.remedy], { code: error.code });
}
