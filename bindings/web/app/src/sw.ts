/// <reference lib="webworker" />
// The service worker: the whole app lies on the phone from the first visit on, and one version at a time answers. Records do
// not pass through here.
import { addPlugins, createHandlerBoundToURL, type PrecacheEntry, precacheAndRoute } from 'workbox-precaching';
import { NavigationRoute, registerRoute } from 'workbox-routing';

declare const self: ServiceWorkerGlobalScope;
/** Every file of this version with a fingerprint; put in by `scripts/finish.mjs`. */
declare const FILES: PrecacheEntry[];

let stored = 0;
addPlugins([
  {
    // Whoever waits until he can leave the network sees it move.
    cacheDidUpdate: async () => {
      stored += 1;
      const pages = await self.clients.matchAll({ includeUncontrolled: true, type: 'window' });
      for (const page of pages) page.postMessage({ type: 'STORED', stored, all: FILES.length });
    },
  },
]);
precacheAndRoute(FILES);
// Every address of the app is the one page.
registerRoute(new NavigationRoute(createHandlerBoundToURL('/field/index.html')));

// The page of the very first visit too: its phone may be in a village an hour later.
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('message', (event) => {
  if ((event.data as { type?: string } | null)?.type === 'SKIP_WAITING') void self.skipWaiting();
});
