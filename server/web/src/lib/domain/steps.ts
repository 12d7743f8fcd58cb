// Which steps a person may take with an issue or a visit: the same procedure as the server keeps, so that a button that
// would be refused is not offered. The server decides.
import type { Permission, Role } from '../api/session.svelte.ts';

const PLACE: Record<string, number> = {
  recorded: 0,
  received: 1,
  awaiting_info: 1,
  reopened: 1,
  forwarded: 2,
  in_progress: 3,
  resolved: 4,
  replied: 5,
  closed: 6,
};

export const isSettled = (status: string): boolean => ['resolved', 'replied', 'closed'].includes(status);
export const isExit = (status: string): boolean =>
  ['out_of_competence', 'not_accepted', 'withdrawn', 'duplicate'].includes(status);
export const isOpen = (status: string): boolean => !isSettled(status) && !isExit(status);

/** The states that staff of a role may bring an issue to. `replied` is a reply, `forwarded` an assignment. */
export function nextStates(issue: { status: string; kind?: string | null; agency?: string | null }, role: Role | null): string[] {
  const now = PLACE[issue.status];
  if (now === undefined) return [];
  const onward = ['received', 'awaiting_info', 'forwarded', 'in_progress', 'resolved', 'closed'].filter((to) => {
    const next = PLACE[to] ?? 0;
    if (to === issue.status) return false;
    if (to === 'awaiting_info') return now <= 1;
    if (to === 'forwarded') return Boolean(issue.agency) && next >= now;
    if (to === 'closed') return now === 5;
    return next >= now;
  });
  const back = now >= 4 ? ['reopened'] : [];
  const out = now < 6 ? ['duplicate', 'withdrawn', 'out_of_competence', ...(issue.kind === 'complaint' ? ['not_accepted'] : [])] : [];
  const all = [...onward, ...back, ...out];
  return role === 'agency' ? all.filter((to) => ['in_progress', 'resolved', 'out_of_competence'].includes(to)) : all;
}

/** Whether an issue takes an assignment or a reply. */
export const takesWork = (status: string): boolean => !isExit(status) && status !== 'closed';

/** Who may do what. */
export const RIGHTS = {
  assign: 'issue.assign',
  event: 'issue.event',
  reply: 'issue.reply',
  verify: 'visit.verify',
  resolve: 'review.resolve',
} as const satisfies Record<string, Permission>;

/** Due dates: what a date means today. `left`: days until it, negative when it has passed. */
export function dueState(due: string | null | undefined, status: string, today: string): 'none' | 'met' | 'overdue' | 'soon' | 'ahead' {
  if (!due) return 'none';
  if (!isOpen(status)) return 'met';
  if (due < today) return 'overdue';
  const left = (Date.parse(due) - Date.parse(today)) / 86_400_000;
  return left <= 7 ? 'soon' : 'ahead';
}
