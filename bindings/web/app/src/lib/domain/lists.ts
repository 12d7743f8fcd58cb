// Lists that the core gives in parts.
import type { IssueRow } from '../core/contract.ts';
import { phone } from '../state/phone.svelte.ts';

/** The states in which somebody still has to do something. */
const OPEN = ['recorded', 'received', 'awaiting_info', 'reopened', 'forwarded', 'in_progress'];

/** The open issues that are due first; those without a date come last. */
export async function openIssues(limit: number, unit?: string): Promise<IssueRow[]> {
  const pages = await Promise.all(OPEN.map((status) => phone.core.issues({ status, ...(unit ? { unit } : {}) }, 200)));
  const all = pages.flatMap((page) => page.items);
  const due = (issue: IssueRow): string => issue.resolve_due ?? '9999';
  return all.sort((a, b) => due(a).localeCompare(due(b)) || (a.id < b.id ? -1 : 1)).slice(0, limit);
}
