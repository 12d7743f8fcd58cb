// Lists that the core gives in parts.
import { CoreError, type Draft, type IssueRow } from '../core/contract.ts';
import { phone } from '../state/phone.svelte.ts';
import { placeName } from './words.ts';

/** The states in which somebody still has to do something. */
const OPEN = ['recorded', 'received', 'awaiting_info', 'reopened', 'forwarded', 'in_progress'];

/** The open issues that are due first; those without a date come last. */
export async function openIssues(limit: number, unit?: string): Promise<IssueRow[]> {
  const pages = await Promise.all(OPEN.map((status) => phone.core.issues({ status, ...(unit ? { unit } : {}) }, 200)));
  const all = pages.flatMap((page) => page.items);
  const due = (issue: IssueRow): string => issue.resolve_due ?? '9999';
  return all.sort((a, b) => due(a).localeCompare(due(b)) || (a.id < b.id ? -1 : 1)).slice(0, limit);
}

/** All drafts by their names: a draft that does not say its own is called as the record that it edits. */
export async function namedDrafts(): Promise<Draft[]> {
  const drafts = await phone.core.drafts();
  return Promise.all(drafts.map(async (draft) => (draft.title ? draft : { ...draft, title: await nameOf(draft.id) })));
}

async function nameOf(id: string): Promise<string> {
  try {
    const record = await phone.core.show(id, 0);
    return (record.record === 'visit' ? placeName(record.place.kind, record.place.name) : record.title) ?? '';
  } catch (error) {
    if (error instanceof CoreError) return ''; // not a record yet, or one that only a newer app can show
    throw error;
  }
}
