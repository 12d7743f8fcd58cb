// The record of a resident's name and contact: kept only with consent, with the proof of it.
import type { Edit } from '../../lib/core/contract.ts';
import { instant } from '../../lib/domain/time.ts';
import { language, t } from '../../lib/i18n/index.svelte.ts';
import type { Editor } from '../../lib/state/editor.svelte.ts';
import { phone } from '../../lib/state/phone.svelte.ts';

/** Whether somebody who raises a matter in this way may want an answer of their own. */
export const needsConsent = (mode: string | null): boolean => mode === 'named' || mode === 'representative' || mode === 'organisation';

/** Hands in the contact of an issue with the proof of consent, before the issue that refers to it. Without a word in it there
 * is no contact, and the issue does not name one. */
export async function keepContact(issue: Editor): Promise<void> {
  const id = issue.value<string>('reporter.contact_ref');
  if (!id || issue.value('reporter.consent') !== 'given' || !('reporter.contact_ref' in issue.edits)) return;
  const draft = await phone.core.draft(id);
  const written = draft?.edits.some(({ field, value }) => field !== 'unit' && typeof value === 'string' && value.trim() !== '');
  if (!written) {
    if (draft) await phone.core.discardDraft(id);
    issue.set('reporter.contact_ref', null);
    return;
  }
  const now = instant(phone.now());
  const proof: Edit[] = [
    { field: 'purpose', value: t('contact.purpose') },
    { field: 'consent', value: 'given' },
    { field: 'consent_text', value: phone.notices?.version ?? '' },
    { field: 'consent_language', value: language.current },
    { field: 'consent_method', value: 'app_checkbox_read_aloud' },
    { field: 'consent_at', value: now },
    { field: 'consent_read_aloud', value: true },
    { field: 'consent_taken_by', value: phone.device?.official ?? '' },
  ];
  await phone.core.saveDraft('contact', id, proof);
  await phone.core.submitDraft(id);
}
