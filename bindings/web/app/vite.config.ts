import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// Where `npm run dev` finds a running gandan-server.
const server = process.env.GANDAN_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: '/field/',
  plugins: [svelte()],
  resolve: {
    // Words, code lists, units and formats are the staff app's; it has packages of its own, and one copy of these is enough.
    alias: { $web: resolve(import.meta.dirname, '../../../server/web/src') },
    dedupe: ['svelte', 'i18next', '@lucide/svelte'],
  },
  build: {
    outDir: 'dist/site',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0, // data: addresses would need a wider content security policy
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses.md' },
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': server, '/v1': server, '/healthz': server }, fs: { allow: ['../../..'] } },
});
