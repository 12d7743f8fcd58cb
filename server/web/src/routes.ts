// Every page, in one file. Each is loaded when it is first opened.
import type { Component } from 'svelte';
import type { Key } from './lib/i18n/index.svelte.ts';
import { match } from './lib/router.svelte.ts';

export interface Page {
  pattern: string;
  title: Key;
  load: () => Promise<{ default: Component<{ params: Record<string, string> }> }>;
  /** Pages that need no sign-in. */
  open?: boolean;
}

type Loader = () => Promise<{ default: unknown }>;
const page = (pattern: string, title: Key, load: Loader, open = false): Page => ({ pattern, title, load: load as Page['load'], open });

export const pages: Page[] = [
  page('/', 'nav.overview', () => import('./pages/Overview.svelte')),
  page('/queues', 'nav.queues', () => import('./pages/Queues.svelte')),
  page('/visits', 'nav.visits', () => import('./pages/Visits.svelte')),
  page('/visits/:id', 'visit.title', () => import('./pages/Visit.svelte')),
  page('/issues', 'nav.issues', () => import('./pages/Issues.svelte')),
  page('/issues/:id', 'issue.title', () => import('./pages/Issue.svelte')),
  page('/map', 'nav.map', () => import('./pages/Map.svelte')),
  page('/reports', 'nav.reports', () => import('./pages/Reports.svelte')),
  page('/reports/print/:form', 'nav.reports', () => import('./pages/PrintReport.svelte')),
  page('/reports/:figure', 'nav.reports', () => import('./pages/Report.svelte')),
];

/** The page of a path, with what the path says. */
export function find(path: string): { page: Page; params: Record<string, string> } | null {
  for (const page of pages) {
    const params = match(page.pattern, path);
    if (params) return { page, params };
  }
  return null;
}
