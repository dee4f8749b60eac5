import { expect, inject, it } from 'vitest';
import { minuteMs } from '../../domain/clock.ts';
import { runStream } from './run-stream.ts';

/** Not a test of `npm test`: the stream for as long as `npm run stream` was told. */
const { seed, minutes, levels } = inject('stream');

it.each(levels)('equals a %s server', { timeout: (minutes + 5) * minuteMs }, async (level) => {
  const until = Date.now() + minutes * minuteMs;
  const goOn = () => Date.now() < until;
  const result = await runStream({
    level,
    seed,
    writes: true,
    goOn,
    say: (text) => process.stdout.write(`${text}\n`),
  });
  expect(result.checkpoints).toBeGreaterThan(0);
});
