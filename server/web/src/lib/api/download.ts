// A file of the API, saved by the browser. A link alone cannot carry the token.
import { ApiError, errorOf } from './errors.ts';
import { session } from './session.svelte.ts';

/** Fetches and saves; `progress` hears the bytes that have come. Aborting the signal cancels. */
export async function download(address: string, name: string, signal: AbortSignal, progress: (bytes: number) => void): Promise<void> {
  const answer = await fetch(address, { headers: session.headers(), signal }).catch((error: unknown) => {
    throw signal.aborted ? error : new ApiError(0, '', 'no answer');
  });
  if (!answer.ok || !answer.body) throw errorOf(answer.status, await answer.json().catch(() => undefined));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = (answer.body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    bytes += value.byteLength;
    progress(bytes);
  }
  save(new Blob(parts, { type: answer.headers.get('content-type') ?? '' }), name);
}

/** Has the browser save what is in memory, under a name. */
export function save(content: Blob, name: string): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
