// The figures of a period.
import { type Series, type Summary, api, body } from './client.ts';

export interface Asked {
  from: string;
  to: string;
  asOf: string;
  area: string | null;
}

const question = ({ from, to, asOf, area }: Asked) => ({ params: { query: { from, to, as_of: asOf, area: area ?? undefined } } });

/** Key of a summary in the store of answers. */
export const summaryKey = ({ from, to, asOf, area }: Asked): unknown[] => ['summary', from, to, asOf, area];

/** All figures of a period. */
export const summary = (asked: Asked): Promise<Summary> => body(api.GET('/api/v1/reports/summary', question(asked)));

/** Rows over time: by week, and by unit and month. */
export const series = (asked: Asked): Promise<Series> => body(api.GET('/api/v1/reports/series', question(asked)));

/** Whose devices may still hold something of a period. */
export const devicesWaitedFor = async (asked: Asked) => (await body(api.GET('/api/v1/reports/devices', question(asked)))).items;

/** Visits by village and month. */
export const villages = async (asked: Asked) => (await body(api.GET('/api/v1/reports/villages', question(asked)))).items;
