// When to exchange with the server, and what there is to tell about it. What an exchange does is the core's affair.
import { Stored } from '$web/lib/state/stored.svelte.ts';
import { CoreError, type Progress, type SyncReport } from '../core/contract.ts';
import { phone } from './phone.svelte.ts';

/** After a save: the next ones often follow at once. */
const AFTER_SAVE_MS = 3_000;
/** After a failure: doubled each time up to the longest. The network's return does not wait for it. */
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 900_000;

interface Connection extends EventTarget {
  type?: string;
  saveData?: boolean;
}

class Exchange {
  running = $state(false);
  progress = $state.raw<Progress | null>(null);
  report = $state.raw<SyncReport | null>(null);
  failure = $state.raw<CoreError | null>(null);
  online = $state(navigator.onLine);
  /** When an exchange last came to its end; milliseconds since 1970. */
  readonly success = new Stored<number | null>('sync.success', null);
  /** Originals of photos also over mobile data. */
  readonly photosOverMobile = new Stored<boolean>('sync.photosOverMobile', false);
  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = FIRST_WAIT_MS;

  /** Exchanges until nothing waits on either side. Never rejects: what went wrong is in `failure`. */
  async run(): Promise<void> {
    if (this.running || !phone.device) return;
    clearTimeout(this.#timer);
    this.running = true;
    this.progress = null;
    this.failure = null;
    this.#abort = new AbortController();
    try {
      do this.report = await this.#once(this.#abort.signal);
      while (this.report.more);
      this.success.current = Date.now();
      this.#wait = FIRST_WAIT_MS;
      this.#later((this.report.poll_after_s || 900) * 1000);
    } catch (error) {
      this.#failed(error);
    } finally {
      // What is told afterwards is what is true afterwards.
      if (phone.place === 'open') await phone.look().catch(() => undefined);
      this.running = false;
      this.#abort = null;
    }
  }

  /** The phone is another one's, or enrolled anew: nothing has been exchanged yet. */
  forget(): void {
    this.success.current = null;
    this.report = null;
    this.failure = null;
  }

  cancel(): void {
    this.#abort?.abort();
  }

  /** Something was saved. */
  soon(): void {
    if (this.online && !this.running) this.#later(AFTER_SAVE_MS);
  }

  /** Exchanges by itself from now on: when the network returns, when the server has news, after a while. */
  follow(): () => void {
    const back = (): void => {
      this.online = true;
      void this.run();
    };
    const gone = (): void => void (this.online = false);
    addEventListener('online', back);
    addEventListener('offline', gone);
    const silent = phone.core.onNews(() => void this.run());
    if (this.online) void this.run();
    return () => {
      removeEventListener('online', back);
      removeEventListener('offline', gone);
      silent();
      clearTimeout(this.#timer);
      this.cancel();
    };
  }

  #once(signal: AbortSignal): Promise<SyncReport> {
    const progress = (progress: Progress): void => void (this.progress = progress);
    return phone.core.sync({ metered: this.#metered(), signal, progress });
  }

  #metered(): boolean {
    const connection = (navigator as Navigator & { connection?: Connection }).connection;
    const mobile = connection?.type === 'cellular' || connection?.saveData === true;
    return mobile && !this.photosOverMobile.current;
  }

  #failed(error: unknown): void {
    const failure = error instanceof CoreError ? error : new CoreError('internal', 'bug', String(error));
    this.report = failure.more.report ?? null;
    this.failure = failure;
    if (failure.remedy !== 'retry_later' || failure.code === 'cancelled') return;
    this.#later(this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.online && void this.run(), ms);
  }
}

export const exchange = new Exchange();
