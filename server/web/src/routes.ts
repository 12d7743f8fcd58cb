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
  /** Is about no area and no period: the pickers are not shown. */
  timeless?: boolean;
}

type Loader = () => Promise<{ default: unknown }>;
const page = (pattern: string, title: Key, load: Loader, needs?: Permission): Page => ({ pattern, title, load: load as Page['load'], needs });
const timeless = (...given: Parameters<typeof page>): Page => ({ ...page(...given), timeless: true });

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
  timeless('/account', 'account.title', () => import('./pages/Account.svelte')),
  page('/reports', 'nav.reports', () => import('./pages/Reports.svelte'), 'reports.read'),
  page('/reports/print/:form', 'nav.reports', () => import('./pages/PrintReport.svelte'), 'reports.read'),
  page('/reports/frozen', 'frozen.title', () => import('./pages/reports/FrozenList.svelte'), 'reports.read'),
  timeless('/reports/frozen/:id', 'frozen.title', () => import('./pages/reports/Frozen.svelte'), 'reports.read'),
  page('/reports/:figure', 'nav.reports', () => import('./pages/Report.svelte'), 'reports.read'),
  timeless('/audit', 'nav.audit', () => import('./pages/Audit.svelte'), 'audit.read'),
  timeless('/admin', 'nav.admin', () => import('./pages/Admin.svelte'), 'admin'),
  timeless('/admin/accounts', 'admin.accounts', () => import('./pages/admin/Accounts.svelte'), 'admin'),
  timeless('/admin/officials', 'admin.officials', () => import('./pages/admin/Officials.svelte'), 'admin'),
  timeless('/admin/devices', 'admin.devices', () => import('./pages/admin/Devices.svelte'), 'admin'),
  timeless('/admin/org', 'admin.org', () => import('./pages/admin/Organisation.svelte'), 'admin'),
  timeless('/admin/import/:kind', 'admin.import', () => import('./pages/admin/Import.svelte'), 'admin'),
  timeless('/admin/villages', 'admin.villages', () => import('./pages/admin/Villages.svelte'), 'admin'),
  timeless('/admin/rules', 'admin.rules', () => import('./pages/admin/Rules.svelte'), 'admin'),
  timeless('/admin/settings', 'admin.settings', () => import('./pages/admin/Settings.svelte'), 'admin'),
];

/** The page of a path, with what the path says. */
export function find(path: string): { page: Page; params: Record<string, string> } | null {
  for (const page of pages) {
    const params = match(page.pattern, path);
    if (params) return { page, params };
  }
  return null;
}
