import { setTimeout as delay } from 'node:timers/promises';

/**
 * Runs work and lets a failure out no earlier than `leastMs` after the start, so that its time
 * does not tell a closed port from a blocked one.
 */
export async function failNoFasterThan<T>(leastMs: number, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  try {
    return await work();
  } catch (error) {
    await delay(Math.max(0, leastMs - (performance.now() - startedAt)));
    throw error;
  }
}
