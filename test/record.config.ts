import { defineConfig } from 'vitest/config';

/** Records the histories anew: `npx vitest run --config test/record.config.ts`. */
export default defineConfig({
  test: {
    include: ['test/workflows/record-histories.ts'],
    globalSetup: ['test/global-setup.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
