import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';
import type { CapabilityLevel } from '../support/dovecot.ts';
import { obtainPrograms } from '../support/programs.ts';

declare module 'vitest' {
  interface ProvidedContext {
    stream: { seed: number; minutes: number; levels: CapabilityLevel[] };
  }
}

/** `npm run stream -- --minutes 10 --seed 7 --level plain`: the random stream, for longer. */
const levels = ['qresync', 'condstore', 'plain'] as const;

const { values } = parseArgs({
  options: {
    /** On each server. */
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string' },
    level: { type: 'string', multiple: true, default: [...levels] },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const minutes = Number(values.minutes);
const chosen = levels.filter((level) => values.level.includes(level));
if (!Number.isSafeInteger(seed) || !(minutes > 0) || chosen.length === 0) {
  console.error(
    `--seed is a whole number, --minutes above 0, --level one of ${levels.join(', ')}.`,
  );
  process.exit(2);
}
obtainPrograms();
console.log(`seed ${seed}, ${minutes} minutes on each of: ${chosen.join(', ')}`);
const vitest = await startVitest('test', [], {
  ...{ watch: false, config: 'test/stream.config.ts' },
  provide: { stream: { seed, minutes, levels: chosen } },
});
const failed = vitest.state.getCountOfFailedTests() + vitest.state.getUnhandledErrors().length;
await vitest.close();
console.log(failed === 0 ? `seed ${seed}: equal` : `seed ${seed}: FAILED`);
process.exit(failed === 0 ? 0 : 1);
