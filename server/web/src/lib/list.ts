// What a list of records is made of, and how the address becomes a question to the API.
import type { Key } from './i18n/index.svelte.ts';
import type { Period } from './domain/period.ts';

export interface Column {
  id: string;
  key: Key;
  /** Right-aligned figures. */
  number?: boolean;
  /** Not shown until somebody chooses it. */
  extra?: boolean;
}

export interface Filter {
  /** Name of the query parameter, in the address and in the API. */
  name: string;
  key: Key;
  /** Choices; without them a text. `yes`: one choice, on or off. */
  options?: () => { value: string; label: string }[];
  yes?: boolean;
}

export interface Sort {
  value: string;
  key: Key;
}

export interface ListPage<T> {
  items: T[];
  next?: string | null;
}

/** Sizes of a page that one can choose. */
export const SIZES = [25, 50, 100, 200];

/** The question to the API that an address asks: its filters, words and order, the area, and the period unless
 * `any_time` stands there. */
export function question(
  query: URLSearchParams,
  filters: Filter[],
  sorts: Sort[],
  period: Period,
): Record<string, string> {
  const asked: Record<string, string> = {};
  for (const { name, yes } of filters) {
    const value = query.get(name);
    if (value) asked[name] = yes ? 'true' : value;
  }
  const words = query.get('q');
  if (words) asked.q = words.slice(0, 200);
  const area = query.get('area');
  if (area) asked.area = area;
  const sort = query.get('sort');
  if (sort && sorts.some((known) => known.value === sort)) asked.sort = sort;
  if (!query.get('any_time')) {
    asked.from = period.from;
    asked.to = period.to;
  }
  return asked;
}

/** How many filters of the address are on. */
export function active(query: URLSearchParams, filters: Filter[]): number {
  return filters.filter(({ name }) => query.get(name)).length;
}
