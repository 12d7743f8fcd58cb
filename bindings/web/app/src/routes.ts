// Every page. Pages are loaded when they are opened; all of them lie on the phone already.
import { match } from '$web/lib/router.svelte.ts';
import type { Component } from 'svelte';

export type Params = Record<string, string>;

type PageComponent = Component<{ params: Params }>;
type Loader = () => Promise<{ default: unknown }>;

class Page {
  /** Once it was loaded: a tap then shows it at once, without the empty screen of a promise in between. */
  component: PageComponent | null = null;

  constructor(
    readonly pattern: string,
    private readonly loader: Loader,
  ) {}

  async load(): Promise<PageComponent> {
    this.component ??= (await this.loader()).default as PageComponent;
    return this.component;
  }
}

const page = (pattern: string, loader: Loader): Page => new Page(pattern, loader);

const pages: Page[] = [
  page('/field', () => import('./pages/Home.svelte')),
  page('/field/enrol', () => import('./pages/Home.svelte')), // enrolled already: the link has nothing more to say
  page('/field/visits', () => import('./pages/Visits.svelte')),
  page('/field/visits/new', () => import('./pages/NewVisit.svelte')),
  page('/field/visits/:id', () => import('./pages/Visit.svelte')),
  page('/field/visits/:id/readback', () => import('./pages/ReadBack.svelte')),
  page('/field/visits/:id/pair', () => import('./pages/Pair.svelte')),
  page('/field/visits/:id/:section', () => import('./pages/VisitSection.svelte')),
  page('/field/issues', () => import('./pages/Issues.svelte')),
  page('/field/issues/new/:visit', () => import('./pages/IssueForm.svelte')),
  page('/field/issues/:id', () => import('./pages/Issue.svelte')),
  page('/field/issues/:id/edit', () => import('./pages/IssueForm.svelte')),
  page('/field/issues/:id/ticket', () => import('./pages/Ticket.svelte')),
  page('/field/join', () => import('./pages/Join.svelte')),
  page('/field/review', () => import('./pages/Review.svelte')),
  page('/field/sync', () => import('./pages/Sync.svelte')),
  page('/field/more', () => import('./pages/More.svelte')),
];

/** Reads all pages while nobody waits, so that no tap does. */
export async function readAhead(): Promise<void> {
  for (const page of pages) await page.load();
}

/** The page of a path, with what the path says; null if there is none. */
export function find(path: string): { page: Page; params: Params } | null {
  for (const page of pages) {
    const params = match(page.pattern, path.replace(/\/+$/, ''));
    if (params) return { page, params };
  }
  return null;
}
