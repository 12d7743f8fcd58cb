import { defineConfig } from 'vitest/config';

// One server, one browser, one file after another: the tests act on the same records.
export default defineConfig({
  test: {
    include: ['e2e/**/*.e2e.ts'],
    globalSetup: ['e2e/setup.ts'],
    fileParallelism: false,
    sequence: { concurrent: false },
    // Playwright gives up a single step after 30 seconds, and says which: a test of many steps may take longer.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
