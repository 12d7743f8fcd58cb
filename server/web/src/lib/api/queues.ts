// Work that waits for somebody: the counters that the server keeps, and the lists behind them, page by page.
import { addDays } from '../domain/period.ts';
import { unitsOf } from '../domain/units.ts';
import { type IssueItem, type QuarantineItem, type ReviewRow, type Schemas, type VisitItem, api, body } from './client.ts';

export type Counters = Schemas['Queue'];

/** A page of a list; `next` asks for the one after it. */
export interface Page<T> {
  items: T[];
  next?: string;
}

const PAGE = 50;
/** The server gives at most so many of what was put aside. */
const ASIDE = 50;
const within = (area: string | null): { area?: string } => (area ? { area } : {});
const page = <T>({ items, next }: { items: T[]; next?: string | null }): Page<T> => ({ items, next: next ?? undefined });

/** The counters of an area (null: of everything that the account sees), judged today. */
export const counters = (area: string | null): Promise<Counters> => body(api.GET('/api/v1/queue', { params: { query: within(area) } }));

/** Differences that nobody has settled. */
export const toReview = async (area: string | null, next?: string): Promise<Page<ReviewRow>> =>
  page(await body(api.GET('/api/v1/review', { params: { query: { limit: PAGE, next, ...within(area) } } })));

/** Visits that wait to be verified: handed in (`submitted`), or changed since they were verified (`amended`). */
export const toVerify = async (which: 'submitted' | 'amended', area: string | null, next?: string): Promise<Page<VisitItem>> => {
  const wanted = which === 'amended' ? { amended: true } : { status: 'submitted' };
  return page(await body(api.GET('/api/v1/visits', { params: { query: { ...wanted, sort: 'date_asc', limit: PAGE, next, ...within(area) } } })));
};

export type IssueQueue = 'open' | 'week' | 'overdue' | 'unassigned';

/** Open issues, those with the nearest date first. */
export async function openIssues(which: IssueQueue, area: string | null, today: string, next?: string): Promise<Page<IssueItem>> {
  const wanted = {
    open: { open: true },
    week: { open: true, due_from: today, due_to: addDays(today, 6) },
    overdue: { overdue: true },
    unassigned: { open: true, unassigned: true },
  }[which];
  return page(await body(api.GET('/api/v1/issues', { params: { query: { ...wanted, sort: 'due_asc', limit: PAGE, next, ...within(area) } } })));
}

/** Open issues marked as an emergency or as urgent, the emergencies first. */
export async function urgentIssues(area: string | null): Promise<Page<IssueItem>> {
  const found = await Promise.all(
    ['emergency', 'urgent'].map((priority) => body(api.GET('/api/v1/issues', { params: { query: { open: true, priority, sort: 'due_asc', limit: 200, ...within(area) } } }))),
  );
  return { items: found.flatMap((one) => one.items) };
}

/** What was put aside; `late`: only work of devices that had been taken out of service. The list knows units alone: what
 * lies outside of an area is left out here. */
export async function putAside(late: boolean, area: string | null, next?: string): Promise<Page<QuarantineItem>> {
  const query = { limit: ASIDE, after: next ? Number(next) : undefined, reason: late ? 'revoked_device' : undefined };
  const { items } = await body(api.GET('/api/v1/quarantine', { params: { query } }));
  const wanted = unitsOf(area);
  return { items: items.filter((item) => !wanted || wanted.has(item.unit)), next: items.length === ASIDE ? String(items.at(-1)?.id) : undefined };
}
