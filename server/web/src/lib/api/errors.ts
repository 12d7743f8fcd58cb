// What can go wrong between page and server, in words that say what to do.
import { t } from '../i18n/index.svelte.ts';

/** An answer of the server that says no, or no answer at all (`status` 0). */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0: nothing reached us. */
    readonly status: number,
    /** Stable code; empty if somebody else than our server answered. */
    readonly code: string,
    message: string,
    /** The field at fault. */
    readonly field?: string,
    /** Seconds to wait before the next try. */
    readonly wait?: number,
  ) {
    super(message);
  }
}

/** Reads the error out of an answer. */
export function errorOf(status: number, body: unknown, headers?: Headers): ApiError {
  const detail = (body as { error?: { code?: string; message?: string; field?: string } } | undefined)?.error;
  return new ApiError(status, detail?.code ?? '', detail?.message ?? `HTTP ${status}`, detail?.field, Number(headers?.get('retry-after')) || undefined);
}

const SAID = {
  code_unknown: 'error.code_unknown',
  code_used: 'error.code_used',
  code_expired: 'error.code_expired',
  forbidden: 'error.forbidden',
  outside_area: 'error.outside_area',
  unknown_area: 'error.unknown_area',
  not_found: 'error.not_found',
  busy: 'error.busy',
  disk_full: 'error.disk_full',
  review_changed: 'error.review_changed',
  bad_transition: 'error.bad_transition',
  reason_needed: 'error.reason_needed',
  statement_needed: 'error.statement_needed',
  confirmation_needed: 'error.confirmation_needed',
  reply_needed: 'error.reply_needed',
  disputed: 'error.disputed',
  agency_needed: 'error.agency_needed',
  text_too_long: 'error.text_too_long',
  text_needed: 'error.text_needed',
  in_future: 'error.in_future',
  bad_cursor: 'error.bad_cursor',
  unauthorised: 'error.unauthorised',
  wrong_password: 'error.wrong_password',
  wrong_code: 'error.wrong_code',
  csrf: 'error.csrf',
  password_too_short: 'error.password_too_short',
  password_too_long: 'error.password_too_long',
  password_too_simple: 'error.password_too_simple',
  password_unchanged: 'error.password_unchanged',
  too_many_rows: 'error.too_many_rows',
  login_taken: 'error.login_taken',
  bad_login: 'error.bad_login',
  bad_table: 'error.bad_table',
  bad_setting: 'error.bad_setting',
  bad_member: 'error.bad_member',
  own_account: 'error.own_account',
  decided_before: 'error.decided_before',
  too_many: 'error.too_many',
  too_large: 'error.too_large',
  edition_moved: 'error.edition_moved',
  bad_geojson: 'error.bad_geojson',
  oidc_no_account: 'error.oidc_no_account',
  oidc_administrator: 'error.oidc_administrator',
  oidc_unreachable: 'error.oidc_unreachable',
  oidc_refused: 'error.oidc_refused',
  oidc_stale: 'error.oidc_stale',
  oidc_bad_token: 'error.oidc_bad_token',
} as const;

/** An error in the reader's language, with what to do about it. */
export function say(error: unknown): string {
  // A part of the app that was not loaded yet, and a server that does not answer.
  if (error instanceof Error && /module|preload CSS/.test(error.message) && !(error instanceof ApiError)) return t('error.offline');
  if (!(error instanceof ApiError)) return t('error.unknown', { message: String(error) });
  if (error.status === 0) return t('error.offline');
  if (error.status === 429) return t('error.wait', { seconds: error.wait ?? 60 });
  const key = SAID[error.code as keyof typeof SAID];
  if (key) return t(key);
  if (error.code === '' && error.status >= 500) return t('error.proxy', { status: error.status });
  return t('error.unknown', { message: `${error.message} (${error.code || error.status})` });
}
