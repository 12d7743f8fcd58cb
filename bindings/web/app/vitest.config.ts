import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  resolve: { alias: { $web: resolve(import.meta.dirname, '../../../server/web/src') }, dedupe: ['svelte', 'i18next'] },
  test: { include: ['src/**/*.test.ts'] },
});
