// Why something was put aside, in words.
import { type Key, t } from '../i18n/index.svelte.ts';

const REASONS: Record<string, Key> = {
  revoked_device: 'aside.revoked_device',
  no_grant: 'aside.no_grant',
  unknown_author: 'aside.unknown_author',
  recovered: 'aside.recovered',
  erased_document: 'aside.erased_document',
};

/** Why something was put aside; the code itself if a newer server has one that we do not know. */
export function quarantineReason(code: string | null | undefined): string {
  const key = code ? REASONS[code] : undefined;
  return key ? t(key) : (code ?? '');
}
