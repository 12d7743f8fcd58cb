// Labels of the code lists, taken from the model. A code of a newer app is shown as it is.
import codes from '../../generated/codes.json';
import { language } from '../i18n/index.svelte.ts';
import { fold } from './text.ts';

export type List = keyof typeof codes;

/** The label of a code in the chosen language; the code itself if no list has it, a dash for nothing. */
export function label(list: List, code: string | null | undefined): string {
  if (!code) return '–';
  const found = (codes[list] as unknown as Record<string, [string, string]>)[code];
  return found ? found[language.current === 'vi' ? 0 : 1] : code;
}

/** All codes of a list with their labels, in the order of the list. */
export function options(list: List): { value: string; label: string }[] {
  return Object.keys(codes[list]).map((value) => ({ value, label: label(list, value) }));
}

/** A village with the word for what it is, once: officials write "Thôn 5" as often as "5". */
export function villageName({ kind, name }: { kind?: string | null; name: string }): string {
  if (!kind) return name;
  const written = fold(name).startsWith(`${fold(codes.place_kind[kind as keyof typeof codes.place_kind]?.[0] ?? kind)} `);
  return written ? name : `${label('place_kind', kind)} ${name}`;
}

/** Which list the values of a field come from, by the field's name in edits, review items and history. */
export function listOf(field: string, kind: 'visit' | 'issue'): List | null {
  const lists: Record<string, List> = {
    status: kind === 'visit' ? 'visit_status' : 'issue_status',
    kind: 'issue_kind',
    field: 'issue_field',
    priority: 'priority',
    confidentiality: 'confidentiality',
    programme: 'programme',
    venue: 'venue',
    hot_spot: 'hot_spot',
    outcome: 'outcome',
    resident_confirmation: 'confirmation',
    reply_channel: 'reply_channel',
    gps_missing_reason: 'gps_missing_reason',
    'place/kind': 'place_kind',
    'place.kind': 'place_kind',
    'reporter/mode': 'reporter_mode',
    'reporter.mode': 'reporter_mode',
    'reporter/consent': 'consent',
    'reporter.consent': 'consent',
  };
  return lists[field] ?? null;
}
