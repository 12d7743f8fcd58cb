// Live updates: the server says that something changed, the page reads it anew. When the stream is lost, the page says
// so and asks every half minute instead.
import { createParser } from 'eventsource-parser';
import { refresh } from './client.ts';
import { session } from './session.svelte.ts';

/** The server sends a heartbeat every 15 seconds; three missing ones mean that the line is dead. */
const SILENCE_MS = 45_000;
const POLL_MS = 30_000;
/** News come in bursts when phones return from the villages. */
const GATHER_MS = 800;
const RETRY_MS = [1_000, 2_000, 5_000, 10_000, 30_000];

class Live {
  /** `off`: nobody is signed in; `lost`: the page polls. */
  state = $state<'off' | 'connecting' | 'live' | 'lost'>('off');
  /** When news were last read, Unix milliseconds. */
  at = $state(0);

  private stop: AbortController | null = null;

  /** Listens until `close`. */
  open(): void {
    this.close();
    const stop = new AbortController();
    this.stop = stop;
    this.state = 'connecting';
    void this.run(stop.signal);
  }

  close(): void {
    this.stop?.abort();
    this.stop = null;
    this.state = 'off';
  }

  private async run(stop: AbortSignal): Promise<void> {
    let failures = 0;
    let poll: ReturnType<typeof setInterval> | undefined;
    stop.addEventListener('abort', () => clearInterval(poll));
    while (!stop.aborted) {
      const heard = await this.listen(stop, () => {
        if (this.state === 'lost') void this.news();
        clearInterval(poll);
        poll = undefined;
        failures = 0;
        this.state = 'live';
      });
      if (stop.aborted || heard === 'refused') return;
      this.state = 'lost';
      poll ??= setInterval(() => void this.news(), POLL_MS);
      const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? POLL_MS;
      failures += 1;
      await pause(wait, stop);
    }
  }

  /** One connection, from its head to its end. */
  private async listen(stop: AbortSignal, opened: () => void): Promise<'ended' | 'refused'> {
    const line = new AbortController();
    const hangUp = (): void => line.abort();
    stop.addEventListener('abort', hangUp, { once: true });
    let silence = setTimeout(hangUp, SILENCE_MS);
    let gathering: ReturnType<typeof setTimeout> | undefined;
    const parser = createParser({
      onEvent: ({ event }) => {
        if (event === 'beat') return;
        gathering ??= setTimeout(() => {
          gathering = undefined;
          void this.news();
        }, GATHER_MS);
      },
    });
    try {
      const answer = await stream(line.signal);
      if (answer.status === 401 && session.headers().authorization === undefined && answer.url.endsWith('/v1/events')) return 'ended';
      if (answer.status === 401) {
        session.end();
        return 'refused';
      }
      if (!answer.ok || !answer.body) return 'ended';
      opened();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return 'ended';
        clearTimeout(silence);
        silence = setTimeout(hangUp, SILENCE_MS);
        parser.feed(value);
      }
    } catch {
      return 'ended';
    } finally {
      clearTimeout(silence);
      stop.removeEventListener('abort', hangUp);
    }
  }

  private async news(): Promise<void> {
    await refresh();
    this.at = Date.now();
  }
}

/** The stream for pages of staff; a server that does not have it yet may give a token the one for devices. */
async function stream(signal: AbortSignal): Promise<Response> {
  const answer = await fetch('/api/v1/live', { headers: session.headers(), signal });
  return answer.status === 404 ? fetch('/v1/events', { headers: session.headers(), signal }) : answer;
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    stop.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    });
    // Back from a tunnel or a sleep: no need to wait any longer.
    addEventListener('online', () => done(), { once: true, signal: stop });
  });
}

export const live = new Live();
