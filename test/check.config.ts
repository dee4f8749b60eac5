import { defineConfig } from 'vitest/config';

/** For tests that only read the source: no services, so that a check takes seconds. */
export default defineConfig({
  test: { include: ['test/imports.test.ts'], pool: 'forks', testTimeout: 30_000 },
});
