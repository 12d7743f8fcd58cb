// Work that waits for somebody. Put together from the lists until the API counts queues itself; this file is all that
// changes then.
import { sundayOf } from '../domain/period.ts';
import { type IssueItem, type ReviewRow, type VisitItem, api, body } from './client.ts';

/** Most records of a queue that are read: beyond it the counter says "200+". */
export const MOST = 200;

export interface Queue<T> {
  items: T[];
  more: boolean;
}

const OPEN = ['recorded', 'received', 'awaiting_info', 'forwarded', 'in_progress', 'reopened'] as const;
type Scope = { area?: string };
const within = (area: string | null): Scope => (area ? { area } : {});

async function issues(query: Record<string, string | number | boolean>): Promise<Queue<IssueItem>> {
  const page = await body(api.GET('/api/v1/issues', { params: { query: { limit: MOST, sort: 'due_asc', ...query } as never } }));
  return { items: page.items, more: Boolean(page.next) };
}

/** Open issues in all open states, those of each state that come first by date. */
async function open(query: Record<string, string | number | boolean>): Promise<Queue<IssueItem>> {
  const found = await Promise.all(OPEN.map((status) => issues({ ...query, status })));
  const items = found.flatMap((queue) => queue.items);
  items.sort((a, b) => (a.resolve_due ?? '9999').localeCompare(b.resolve_due ?? '9999'));
  return { items, more: found.some((queue) => queue.more) };
}

/** Differences that nobody has settled. */
export async function toReview(area: string | null): Promise<Queue<ReviewRow>> {
  const page = await body(api.GET('/api/v1/review', { params: { query: { limit: MOST, ...within(area) } } }));
  return { items: page.items, more: Boolean(page.next) };
}

/** Visits that were handed in and not verified. */
export async function toVerify(area: string | null): Promise<Queue<VisitItem>> {
  const page = await body(api.GET('/api/v1/visits', { params: { query: { status: 'submitted', sort: 'date_asc', limit: MOST, ...within(area) } } }));
  return { items: page.items, more: Boolean(page.next) };
}

/** Open issues whose date has passed. */
export const overdue = (area: string | null, asOf: string): Promise<Queue<IssueItem>> => issues({ overdue: true, as_of: asOf, ...within(area) });

/** Open issues whose date lies between today and Sunday. */
export async function dueThisWeek(area: string | null, asOf: string): Promise<Queue<IssueItem>> {
  const sunday = sundayOf(asOf);
  const found = await open({ overdue: false, as_of: asOf, ...within(area) });
  const items = found.items.filter((issue) => issue.resolve_due && issue.resolve_due >= asOf && issue.resolve_due <= sunday);
  return { items, more: false };
}

/** Open issues that no agency answers for. */
export async function unassigned(area: string | null): Promise<Queue<IssueItem>> {
  const found = await open(within(area));
  return { items: found.items.filter((issue) => !issue.agency), more: found.more };
}
