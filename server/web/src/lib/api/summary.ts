// The figures of a period. Series over weeks and months ask once for each, a few at a time.
import { months, weeks } from '../domain/period.ts';
import { type Summary, api, body, queries } from './client.ts';

export interface Asked {
  from: string;
  to: string;
  asOf: string;
  area: string | null;
}

/** Key of a summary in the store of answers. */
export const summaryKey = ({ from, to, asOf, area }: Asked): unknown[] => ['summary', from, to, asOf, area];

/** All figures of a period. */
export function summary({ from, to, asOf, area }: Asked): Promise<Summary> {
  return body(api.GET('/api/v1/reports/summary', { params: { query: { from, to, as_of: asOf, area: area ?? undefined } } }));
}

const AT_ONCE = 4;

async function each<T>(spans: (T & { from: string; to: string })[], asked: Asked): Promise<(T & { figures: Summary })[]> {
  const found: (T & { figures: Summary })[] = [];
  let at = 0;
  const work = async (): Promise<void> => {
    for (let mine = at++; mine < spans.length; mine = at++) {
      const span = spans[mine];
      if (!span) return;
      const one = { ...asked, from: span.from, to: span.to };
      const figures = await queries.fetchQuery({ queryKey: summaryKey(one), queryFn: () => summary(one), staleTime: 30_000 });
      found[mine] = { ...span, figures };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

/** The figures week by week, at most a year. */
export const byWeek = (asked: Asked) => each(weeks(asked.from, asked.to < asked.asOf ? asked.to : asked.asOf, 53), asked);

/** The figures month by month, at most a year. */
export const byMonth = (asked: Asked) => each(months(asked.from, asked.to < asked.asOf ? asked.to : asked.asOf, 12), asked);
