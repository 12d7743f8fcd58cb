// The core as the app calls it: every call goes to the worker and comes back as a promise.

import { type Core, CoreError, type Progress, type StartCore, type SyncReport } from './contract';
import type { FromWorker, ToWorker } from './wire';
import type { Calls } from './worker';

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

class Line {
  readonly changes = new Set<(ids: string[]) => void>();
  readonly news = new Set<() => void>();
  progress: ((step: Partial<Progress>) => void) | null = null;
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'core' });
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      // The worker itself could not start, or the core has stopped: nothing will be answered any more.
      const error = new CoreError('internal', 'bug', event.message || 'the core could not be started');
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
  }

  call<T>(call: keyof Calls, ...args: unknown[]): Promise<T> {
    const id = ++this.#number;
    const message: ToWorker = { id, call, args };
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.postMessage(message);
    });
  }

  #hear(message: FromWorker): void {
    if ('tell' in message) {
      if (message.tell === 'news') this.news.forEach((listener) => listener());
      else if (message.tell === 'progress') this.progress?.(step(JSON.parse(message.json)));
      else for (const listener of this.changes) listener(JSON.parse(message.json));
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ('fault' in message) {
      const { code, remedy, message: words, ...more } = message.fault;
      waiting?.reject(new CoreError(code, remedy, words, more));
    } else {
      waiting?.resolve('json' in message ? JSON.parse(message.json) : message.value);
    }
  }
}

/** Before the first step. */
const NOTHING: Progress = {
  round_trips: 0,
  bytes_up: 0,
  bytes_down: 0,
  pushed: 0,
  pulled: 0,
  waiting: 0,
  documents_loaded: 0,
  documents_to_load: 0,
  photos_sent: 0,
  photos_to_send: 0,
};

/** A step of records or of files, as the app counts it. */
function step({ files_sent, files_to_send, ...records }: Partial<Progress> & { files_sent?: number; files_to_send?: number }): Partial<Progress> {
  return files_sent === undefined ? records : { photos_sent: files_sent, photos_to_send: files_to_send ?? 0 };
}

/** Starts the worker. It loads the core and answers; nothing is opened yet. */
export const startCore: StartCore = () => {
  const line = new Line();
  const call = <T>(name: keyof Calls, ...args: unknown[]) => line.call<T>(name, ...args);
  // Whoever saved wants every list and the standing to be looked at again, also when no record reads differently.
  const saved = async <T>(work: Promise<T>, ids: (result: T) => string[] = () => []): Promise<T> => {
    const result = await work;
    for (const listener of line.changes) listener(ids(result));
    return result;
  };
  const core: Core = {
    door: () => call('door'),
    create: (pin) => call('create', pin),
    unlock: (pin) => call('unlock', pin),
    lock: () => call('lock'),
    changePin: (before, after) => call('changePin', before, after),
    erase: () => call('erase'),
    enrol: (link) => call('enrol', link),
    standing: () => call('standing'),
    units: () => call('units'),
    assignments: () => call('assignments'),
    notices: () => call('notices'),
    visits: (filter, limit, after) => call('visits', filter, limit, after ?? undefined),
    issues: (filter, limit, after) => call('issues', filter, limit, after ?? undefined),
    review: (limit, after) => call('review', limit, after ?? undefined),
    show: (id, steps = 0) => call('show', id, steps),
    check: (field, text, household) => call('check', field, text, household),
    newId: () => call('newId'),
    createRecord: (kind, id, edits) => saved(call('createRecord', kind, id ?? undefined, edits), ({ id }) => [id]),
    patch: (id, edits) => saved(call('patch', id, edits), ({ id }) => [id]),
    resolve: (id, field, basis, value) => saved(call('resolve', id, field, basis, value), ({ id }) => [id]),
    saveDraft: (kind, id, edits) => saved(call('saveDraft', kind, id ?? undefined, edits)),
    draft: (id) => call('draft', id),
    drafts: () => call('drafts'),
    submit: (id) => saved(call('submit', id), ({ id }) => [id]),
    submitDraft: (id) => saved(call('submitDraft', id), ({ id }) => [id]),
    discardDraft: (id) => saved(call('discardDraft', id)),
    sealDenunciation: async (month) => {
      await saved(call('createRecord', 'sealed_stub', undefined, [{ field: 'month', value: month }]));
    },
    attach: (visit, photo) => saved(call('attach', visit, photo), () => [visit]),
    photo: async (visit, photoId, size) => {
      const bytes = await call<Uint8Array<ArrayBuffer> | undefined>('photo', visit, photoId, size);
      return bytes ? new Blob([bytes], { type: 'image/jpeg' }) : null;
    },
    sync: ({ metered, signal, progress }) => {
      let far = { ...NOTHING };
      if (signal.aborted) return Promise.reject(new CoreError('cancelled', 'retry_later', 'cancelled before it began'));
      line.progress = (step) => progress((far = { ...far, ...step }));
      const cancel = () => void call('cancelSync');
      signal.addEventListener('abort', cancel, { once: true });
      return saved(call<SyncReport>('sync', metered)).finally(() => {
        signal.removeEventListener('abort', cancel);
        line.progress = null;
      });
    },
    onChange: (listener) => {
      line.changes.add(listener);
      return () => void line.changes.delete(listener);
    },
    onNews: (listener) => {
      line.news.add(listener);
      if (line.news.size === 1) void call('listen');
      return () => {
        line.news.delete(listener);
        if (line.news.size === 0) void call('stopListening');
      };
    },
    exportUnsent: async () => new Blob([await call<Uint8Array<ArrayBuffer>>('exportUnsent')], { type: 'application/x-ndjson' }),
    importUnsent: (lines) => saved(call('importUnsent', lines)),
  };
  return core;
};
