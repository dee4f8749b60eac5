import { defineConfig } from 'vitest/config';

/** For `npm run stream`, which says how long and with which seed. */
export default defineConfig({
  test: {
    include: ['test/stream/long.ts'],
    globalSetup: ['test/global-setup.ts'],
    pool: 'forks',
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
});
