// Listening for news: the server says that there is something, never what. The connection is held open while the app is
// looked at, and made anew with growing waits.

import { createParser } from 'eventsource-parser';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 300_000;
/** The server's heart beats every 15 seconds. */
const SILENCE_MS = 45_000;

/** Listens until `signal`. `address`: where, and what to show there; null before enrolment. */
export async function listen(
  address: () => [url: string, authorization: string] | null,
  ring: () => void,
  signal: AbortSignal,
): Promise<void> {
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    const found = address();
    const heard = found ? await hear(found, ring, signal) : false;
    wait = heard ? FIRST_WAIT_MS : Math.min(wait * 2, LONGEST_WAIT_MS);
    // Phones that lost the server together do not come back together.
    await pause(wait * (0.5 + Math.random() / 2), signal);
  }
}

/** Hears one connection to its end. Whether anything was heard on it. */
async function hear([url, authorization]: [string, string], ring: () => void, signal: AbortSignal): Promise<boolean> {
  let heard = false;
  const controller = new AbortController();
  const end = () => controller.abort();
  signal.addEventListener('abort', end, { once: true, signal: controller.signal });
  let timer = setTimeout(end, SILENCE_MS);
  try {
    const response = await fetch(url, {
      headers: { accept: 'text/event-stream', authorization },
      signal: controller.signal,
      cache: 'no-store',
      credentials: 'omit',
      redirect: 'error',
    });
    if (response.status !== 200 || !response.headers.get('content-type')?.startsWith('text/event-stream')) return false;
    // What came while nobody listened.
    ring();
    const parser = createParser({ onEvent: ring });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
      heard = true;
      clearTimeout(timer);
      timer = setTimeout(end, SILENCE_MS);
      parser.feed(piece.value);
    }
  } catch {
    // The road, or silence: tried again.
  } finally {
    clearTimeout(timer);
    end();
  }
  return heard;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
