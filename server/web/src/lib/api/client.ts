// The API with its types, taken from the server's own description. Every failure becomes an `ApiError`.
import { QueryClient } from '@tanstack/svelte-query';
import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from '../../generated/api.d.ts';
import { ApiError, errorOf } from './errors.ts';
import { session } from './session.svelte.ts';

export type Schemas = components['schemas'];
export type VisitItem = Schemas['VisitItem'];
export type IssueItem = Schemas['IssueItem'];
export type VisitDetail = Schemas['VisitDetail'];
export type IssueDetail = Schemas['IssueDetail'];
export type HistoryStep = Schemas['HistoryStep'];
export type Summary = Schemas['Summary'];
export type Share = Schemas['Share'];
export type ReviewRow = Schemas['ReviewRow'];
export type Account = Schemas['AccountItem'];
export type Official = Schemas['OfficialItem'];
export type EnrolmentLink = Schemas['EnrolmentLink'];
export type Device = Schemas['DeviceLine'];
export type Import = Schemas['Import'];
export type QuarantineItem = Schemas['QuarantineItem'];
export type Frozen = Schemas['Frozen'];
export type Series = Schemas['Series'];

const middleware: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(session.headers())) request.headers.set(name, value);
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return;
    const error = errorOf(response.status, await response.clone().json().catch(() => undefined), response.headers);
    if (response.status === 401) session.end();
    // Something has to be done first: the account says what.
    if (error.code === 'password_change_needed' || error.code === 'totp_setup_needed') void session.begin();
    throw error;
  },
  onError() {
    return new ApiError(0, '', 'no answer');
  },
};

export const api = createClient<paths>({ baseUrl: location.origin });
api.use(middleware);

/** The answer's JSON (lists can also be text, as tables). Errors were thrown by the middleware before. */
export async function body<T>(call: Promise<{ data?: T }>): Promise<Exclude<T, string>> {
  return (await call).data as Exclude<T, string>;
}

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      gcTime: 5 * 60_000,
      refetchOnWindowFocus: true,
      // What the server refuses, it refuses again; a lost connection deserves a second try.
      retry: (failures, error) => failures < 2 && error instanceof ApiError && (error.status === 0 || error.code === 'busy'),
    },
  },
});

/** Waits until what was acknowledged stands in the lists, then has everything on the page read anew. */
export async function refresh(): Promise<void> {
  await fetch('/healthz?views_current=true').catch(() => undefined);
  await queries.invalidateQueries();
}
