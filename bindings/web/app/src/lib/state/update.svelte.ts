// Versions of the app. The service worker fetches one whole and then waits; it is taken while nothing is open, or when
// the user says so on a page without a form. A draft is on disk at every input, so it is there afterwards.
import { phone } from './phone.svelte.ts';

/** What the service worker says while it stores a version. */
interface Stored {
  type: 'STORED';
  stored: number;
  all: number;
}

class Update {
  /** A newer version lies on the phone and waits. */
  ready = $state(false);
  /** Whether a whole version lies on the phone, so that it opens without a network; `failed`: it could not be stored. */
  onPhone = $state<'no' | 'yes' | 'failed'>('no');
  /** How much of the first version is stored. */
  progress = $state.raw<{ stored: number; all: number } | null>(null);
  #waiting: ServiceWorker | null = null;

  async begin(): Promise<void> {
    if (!('serviceWorker' in navigator)) {
      this.onPhone = 'failed';
      return;
    }
    const workers = navigator.serviceWorker;
    // The new worker answers from now on: the page that the old one gave is not the right one any more. At the very first
    // visit there was no old one.
    let answered = workers.controller !== null;
    workers.addEventListener('controllerchange', () => {
      if (answered) location.reload();
      answered = true;
    });
    workers.addEventListener('message', ({ data }: MessageEvent<Stored>) => {
      if (data.type === 'STORED') this.progress = { stored: data.stored, all: data.all };
    });
    workers.startMessages();
    // A worker is active only when every file of its version is stored; the browser removes worker, files and records
    // together or not at all.
    void workers.ready.then((found) => {
      this.onPhone = 'yes';
      // An app on the home screen may stay open for days.
      addEventListener('visibilitychange', () => document.visibilityState === 'visible' && void found.update().catch(() => undefined));
    });
    await this.#fetch(workers);
  }

  /** Tries again to get the app onto the phone. */
  async again(): Promise<void> {
    this.onPhone = 'no';
    await this.#fetch(navigator.serviceWorker);
  }

  /** Takes the new version: the page loads again. */
  take(): void {
    this.#waiting?.postMessage({ type: 'SKIP_WAITING' });
  }

  async #fetch(workers: ServiceWorkerContainer): Promise<void> {
    try {
      const found = await workers.register('/field/sw.js', { scope: '/field' });
      this.#follow(found.installing);
      this.#look(found);
      found.onupdatefound = () => {
        this.#follow(found.installing);
        found.installing?.addEventListener('statechange', () => this.#look(found));
      };
    } catch {
      if (this.onPhone === 'no') this.onPhone = 'failed';
    }
  }

  /** A first version that could not be stored whole is given up by the browser. */
  #follow(installing: ServiceWorker | null): void {
    installing?.addEventListener('statechange', () => {
      if (installing.state === 'redundant' && this.onPhone === 'no') this.onPhone = 'failed';
    });
  }

  #look(found: ServiceWorkerRegistration): void {
    this.#waiting = found.waiting;
    this.ready = found.waiting !== null && navigator.serviceWorker.controller !== null;
    // Nobody is in the middle of anything before the phone is unlocked.
    if (this.ready && (phone.place === 'starting' || phone.place === 'locked')) this.take();
  }
}

export const update = new Update();
