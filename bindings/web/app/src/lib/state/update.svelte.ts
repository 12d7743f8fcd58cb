// New versions of the app. The service worker fetches one whole and then waits; it is taken while nothing is open, or when
// the user says so on a page without a form. A draft is on disk at every input, so it is there afterwards.
import { phone } from './phone.svelte.ts';

class Update {
  /** A newer version lies on the phone and waits. */
  ready = $state(false);
  #waiting: ServiceWorker | null = null;

  async begin(): Promise<void> {
    if (!('serviceWorker' in navigator)) return;
    // The new worker answers from now on: the page that the old one gave is not the right one any more. At the very first
    // visit there was no old one.
    let answered = navigator.serviceWorker.controller !== null;
    navigator.serviceWorker.addEventListener('controllerchange', () => {
      if (answered) location.reload();
      answered = true;
    });
    try {
      const found = await navigator.serviceWorker.register('/field/sw.js', { scope: '/field' });
      this.#look(found);
      found.addEventListener('updatefound', () => found.installing?.addEventListener('statechange', () => this.#look(found)));
      // An app on the home screen may stay open for days.
      addEventListener('visibilitychange', () => document.visibilityState === 'visible' && void found.update().catch(() => undefined));
    } catch {
      // Without a worker the app needs the network to start. "Thêm" says whether it is there.
    }
  }

  /** Takes the new version: the page loads again. */
  take(): void {
    this.#waiting?.postMessage({ type: 'SKIP_WAITING' });
  }

  #look(found: ServiceWorkerRegistration): void {
    this.#waiting = found.waiting;
    this.ready = found.waiting !== null && navigator.serviceWorker.controller !== null;
    // Nobody is in the middle of anything before the phone is unlocked.
    if (this.ready && (phone.place === 'starting' || phone.place === 'locked')) this.take();
  }
}

export const update = new Update();
