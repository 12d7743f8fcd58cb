// Every page, in one file. Each is loaded when it is first opened.
import type { Component } from 'svelte';
import type { Permission } from './lib/api/session.svelte.ts';
import type { Key } from './lib/i18n/index.svelte.ts';
import { match } from './lib/router.svelte.ts';

export interface Page {
  pattern: string;
  title: Key;
  load: () => Promise<{ default: Component<{ params: Record<string, string> }> }>;
  /** Needs no sign-in and no navigation: for everybody. */
  open?: boolean;
  /** What the account must be allowed to. */
  needs?: Permission;
}

type Loader = () => Promise<{ default: unknown }>;
const page = (pattern: string, title: Key, load: Loader, needs?: Permission): Page => ({ pattern, title, load: load as Page['load'], needs });

export const pages: Page[] = [
  page('/', 'nav.overview', () => import('./pages/Overview.svelte'), 'reports.read'),
  page('/queues', 'nav.queues', () => import('./pages/Queues.svelte')),
  page('/visits', 'nav.visits', () => import('./pages/Visits.svelte'), 'visits.read'),
  page('/visits/:id', 'visit.title', () => import('./pages/Visit.svelte'), 'visits.read'),
  page('/issues', 'nav.issues', () => import('./pages/Issues.svelte')),
  page('/issues/:id', 'issue.title', () => import('./pages/Issue.svelte')),
  page('/map', 'nav.map', () => import('./pages/Map.svelte'), 'reports.read'),
  { ...page('/ticket', 'public.title', () => import('./pages/Public.svelte')), open: true },
  { ...page('/ticket/:code', 'public.title', () => import('./pages/Public.svelte')), open: true },
  page('/account', 'account.title', () => import('./pages/Account.svelte')),
  page('/reports', 'nav.reports', () => import('./pages/Reports.svelte'), 'reports.read'),
  page('/reports/print/:form', 'nav.reports', () => import('./pages/PrintReport.svelte'), 'reports.read'),
  page('/reports/:figure', 'nav.reports', () => import('./pages/Report.svelte'), 'reports.read'),
];

/** The page of a path, with what the path says. */
export function find(path: string): { page: Page; params: Record<string, string> } | null {
  for (const page of pages) {
    const params = match(page.pattern, path);
    if (params) return { page, params };
  }
  return null;
}
