// The worker that has the database to itself: it opens the storage, holds the key's vault, answers the page's calls by the
// core, and moves the core's bytes to the server and back.

import type { Door, NewPhoto } from './contract';
import { host } from './fetch';
import { listen } from './news';
import * as vault from './vault';
import init, { check, Core, notices, stretch } from './wasm/gandan_web';
import { fault, type Fault, type FromWorker, isFault, Text, type ToWorker } from './wire';

/** Held by the one page that has the database. */
const LOCK = 'gandan-core';
/** A page that was left or loaded again lets go of it a moment after the next one has begun: most for which that one waits. */
const LEAVING_MS = 3_000;
/** Items of a page when all are wanted. */
const MANY = 500;

const send = (message: FromWorker): void => postMessage(message);
const outside = host((what, json) => send({ tell: what, json }));
let core: Core | null = null;
let listening: AbortController | null = null;
/** The storage and the core's code, once: later calls wait for the same. */
let ready: Promise<void> | null = null;

function prepare(): Promise<void> {
  ready ??= (async () => {
    if (!('locks' in navigator) || !navigator.storage?.getDirectory) {
      throw fault('no_storage', 'update_app', 'this browser gives no durable storage; a newer one is needed');
    }
    await take();
    await init();
    await Core.prepare();
  })();
  // What failed may go well the next time: another page was closed.
  ready.catch(() => (ready = null));
  return ready;
}

/** Takes the lock for as long as this worker lives; waits for a page that is just being left. `taken` if another page keeps it. */
function take(): Promise<void> {
  return new Promise((resolve, reject) => {
    const keep = (): Promise<void> => {
      resolve();
      return new Promise(() => undefined);
    };
    navigator.locks.request(LOCK, { signal: AbortSignal.timeout(LEAVING_MS) }, keep).catch(() => {
      reject(fault('taken', 'retry_later', 'another page of this app has the database'));
    });
  });
}

function opened(): Core {
  if (!core) throw fault('locked', 'fix_input', 'the database is not open');
  return core;
}

async function door(): Promise<Door> {
  if (core) return 'open';
  const hasKey = await vault.isThere();
  if (!hasKey && Core.exists()) {
    throw fault('evicted', 'enrol_again', 'the browser has removed the key of the database');
  }
  return hasKey ? 'locked' : 'new';
}

function open(key: Uint8Array): void {
  core ??= Core.open(key, outside);
  key.fill(0);
}

function close(): void {
  stopListening();
  outside.abort();
  core?.close();
  core = null;
}

function stopListening(): void {
  listening?.abort();
  listening = null;
}

function startListening(): void {
  stopListening();
  listening = new AbortController();
  const address = () => (core ? JSON.parse(core.newsAddress()) : null);
  void listen(address, () => send({ tell: 'news' }), listening.signal);
}

/** A link of another server cannot be followed from here: this page may talk to its own alone. */
function refuseForeign(link: string): void {
  const origin = URL.canParse(link.trim()) ? new URL(link.trim()).origin : location.origin;
  if (origin !== location.origin) {
    throw fault('other_server', 'fix_input', `this link belongs to ${origin}; open it there`);
  }
}

/** Records first: the server takes pictures of records that it knows. */
async function sync(metered: boolean): Promise<unknown> {
  const core = opened();
  const report = JSON.parse(await core.sync());
  const files = JSON.parse(await core.transfer(!metered));
  return {
    ...report,
    bytes_up: report.bytes_up + files.bytes_up,
    bytes_down: report.bytes_down + files.bytes_down,
    photos_sent: files.sent,
    photos_to_send: files.sent + files.waiting,
  };
}

/** Every item of a list that is given out page by page. */
function all(page: (limit: number, after?: string) => string): unknown[] {
  const items: unknown[] = [];
  let after: string | undefined;
  do {
    const { items: some, next } = JSON.parse(page(MANY, after)) as { items: unknown[]; next: string | null };
    items.push(...some);
    after = next ?? undefined;
  } while (after !== undefined);
  return items;
}

const text = (value: unknown): string => JSON.stringify(value ?? null);

// Each call has the name and the arguments that it has in the contract, as far as they cross from page to worker.
const calls = {
  door,
  create: async (pin: string) => open(await vault.create(pin, stretch)),
  unlock: async (pin: string) => open(await vault.open(pin, stretch, Date.now())),
  lock: close,
  changePin: (before: string, after: string) => vault.changePin(before, after, stretch, Date.now()),
  erase: async () => {
    close();
    Core.erase();
    await vault.destroy();
  },
  enrol: async (link: string) => {
    refuseForeign(link);
    return new Text(await opened().enrol(link));
  },
  standing: () => {
    const { originals, original_bytes, thumbnail_bytes } = JSON.parse(opened().waitingFiles());
    const standing = JSON.parse(opened().standing());
    return { ...standing, unsent_photos: originals, unsent_bytes: standing.unsent_bytes + original_bytes + thumbnail_bytes };
  },
  units: () => new Text(opened().units()),
  assignments: () => all((limit, after) => opened().assignments(limit, after)),
  notices: () => new Text(notices()),
  visits: (filter: unknown, limit: number, after?: string) => new Text(opened().visits(text(filter), limit, after)),
  issues: (filter: unknown, limit: number, after?: string) => new Text(opened().issues(text(filter), limit, after)),
  review: (limit: number, after?: string) => new Text(opened().review(limit, after)),
  show: (id: string, steps: number) => new Text(opened().show(id, steps)),
  check: (field: string, words: string, household: boolean) => new Text(check(field, words, household)),
  newId: () => new Text(opened().newId()),
  createRecord: (kind: string, id: string | undefined, edits: unknown) =>
    new Text(opened().createRecord(kind, id, text(edits))),
  patch: (id: string, edits: unknown) => new Text(opened().patch(id, text(edits))),
  resolve: (id: string, field: string, basis: string, value: unknown) =>
    new Text(opened().resolve(id, field, basis, text(value))),
  submit: (id: string) => new Text(opened().submit(id)),
  saveDraft: (kind: string, id: string | undefined, edits: unknown) =>
    new Text(opened().saveDraft(kind, id, text(edits))),
  draft: (id: string) => new Text(opened().draft(id)),
  drafts: () => all((limit, after) => opened().drafts(limit, after)),
  submitDraft: (id: string) => new Text(opened().submitDraft(id)),
  discardDraft: (id: string) => new Text(opened().discardDraft(id)),
  attach: (visit: string, { bytes, thumbnail, ...words }: NewPhoto) =>
    new Text(opened().attach(visit, new Uint8Array(bytes), new Uint8Array(thumbnail), text(words))),
  photo: (visit: string, id: string, size: string) => opened().photo(visit, id, size === 'thumbnail'),
  sync,
  cancelSync: () => {
    core?.cancelSync();
    outside.abort();
  },
  listen: startListening,
  stopListening,
  exportUnsent: () => opened().exportUnsent(),
  importUnsent: (lines: ArrayBuffer) => new Text(opened().importUnsent(new Uint8Array(lines))),
};

export type Calls = typeof calls;

/** What was thrown, as the page gets it. */
function faultOf(error: unknown): Fault {
  if (isFault(error)) return error;
  // The core's own errors are JSON text.
  if (typeof error === 'string') {
    const { field, report, retry_after_s, ...rest } = JSON.parse(error) as Fault;
    return { ...rest, field, report, retry_after_s };
  }
  return fault('internal', 'bug', error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

onmessage = async ({ data: { id, call, args } }: MessageEvent<ToWorker>) => {
  try {
    await prepare();
    const work = calls[call as keyof Calls] as (...args: unknown[]) => unknown;
    const value = await work(...args);
    send(value instanceof Text ? { id, json: value.json } : { id, value });
  } catch (error) {
    send({ id, fault: faultOf(error) });
  }
};
