import { expect, it } from 'vitest';
import { runStream } from './run-stream.ts';

/** Any seed must pass; a fixed one makes a failure of the build repeatable. */
const seed = 20_261_124;

/** The long form (`npm run stream`) goes on for as long as it is told to. */
const changesMin = 160;

/** A server busy with two sessions refuses some; if it refused many, little would be shown. */
const refusedShareMax = 0.05;

it.each(['qresync', 'condstore', 'plain'] as const)(
  "equals a %s server after a random stream of another client's changes",
  { timeout: 120_000 },
  async (level) => {
    const goOn = (changes: number) => changes < changesMin;
    const options = { level, seed, goOn, say: console.log };
    const { changes, refused } = await runStream({ ...options, writes: false });
    expect(changes).toBeGreaterThanOrEqual(changesMin);
    expect(refused).toBeLessThan(changes * refusedShareMax);
  },
);
