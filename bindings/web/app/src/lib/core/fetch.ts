// The core's way to the server: `fetch`, with what it does not have by itself (an end to silence, a limit to answers), and
// the same words for what goes wrong as the core's own transport.

import type { Host, Reply } from './wasm/gandan_web';

/** Nothing moved for so long: the connection is given up. */
const SILENCE_MS = 30_000;
/** Longest wait that a server or proxy can ask for. */
const MAX_RETRY_AFTER_S = 3600;

/** Sends a request and reads the answer. Never rejects: what went wrong stands in the reply. */
export async function send(
  method: string,
  url: string,
  headers: string,
  body: Uint8Array,
  limit: number,
  moved: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Reply> {
  const watch = new Watch(signal);
  const pieces: Uint8Array[] = [];
  let head: Record<string, unknown> = { status: 0 };
  try {
    const response = await fetch(url, {
      method,
      headers: JSON.parse(headers) as [string, string][],
      body: body.length > 0 ? new Uint8Array(body) : null,
      signal: watch.signal,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'manual',
      referrerPolicy: 'no-referrer',
    });
    head = headOf(response);
    let length = 0;
    if (method !== 'HEAD' && Number(response.headers.get('content-length') ?? 0) > limit) throw new TooLong();
    for await (const piece of piecesOf(response)) {
      watch.beat();
      moved(piece.length);
      length += piece.length;
      if (length > limit) throw new TooLong();
      pieces.push(piece);
    }
  } catch (error) {
    head.failed = error instanceof TooLong ? 'answer_too_long' : watch.isSilent ? 'stalled' : head.status ? 'cut' : 'offline';
    head.detail = watch.isSilent ? String(SILENCE_MS / 1000) : String(error);
  } finally {
    watch.stop();
  }
  return { head: JSON.stringify(head), body: joined(pieces) };
}

class TooLong extends Error {}

/** Ends a request when nothing has moved for too long, or when somebody has had enough. */
class Watch {
  isSilent = false;
  readonly #controller = new AbortController();
  #timer = this.#start();

  constructor(signal: AbortSignal) {
    if (signal.aborted) this.#controller.abort();
    signal.addEventListener('abort', () => this.#controller.abort(), { once: true, signal: this.#controller.signal });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  beat(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      this.isSilent = true;
      this.#controller.abort();
    }, SILENCE_MS);
  }
}

function headOf(response: Response): Record<string, unknown> {
  const code = response.headers.get('gandan-error');
  const wait = whole(response.headers.get('retry-after'));
  return {
    // A redirect is never our server's; the browser hides its status.
    status: response.type === 'opaqueredirect' ? 302 : response.status,
    content_type: (response.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '',
    error_code: code !== null && /^\w{1,64}$/.test(code) ? code : null,
    retry_after_s: wait === null ? null : Math.min(wait, MAX_RETRY_AFTER_S),
    upload_offset: whole(response.headers.get('upload-offset')),
    total: whole(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]),
    etag: response.headers.get('etag')?.replaceAll('"', '') ?? null,
  };
}

/** A number without sign or fraction. */
function whole(text: string | null | undefined): number | null {
  return text && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

async function* piecesOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function joined(pieces: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** What the core is given, with a switch that ends whatever is on its way. */
export function host(tell: (what: 'changed' | 'progress', json: string) => void): Host & { abort(): void } {
  let controller = new AbortController();
  return {
    send: (method, url, headers, body, limit, moved) =>
      send(method, url, headers, body, limit, moved, controller.signal),
    changed: (ids) => tell('changed', ids),
    progress: (progress) => tell('progress', progress),
    abort: () => {
      controller.abort();
      controller = new AbortController();
    },
  };
}
