import { spawnSync } from 'node:child_process';

/**
 * `npm run check`: everything that can be said about the source without running it. Every step
 * runs, so that one look shows all that is wrong.
 */
const steps: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['format', 'oxfmt', '--check'],
  ['lint', 'oxlint', '--deny-warnings'],
  ['types', 'tsc', '--noEmit'],
  ['unused', 'knip', '--no-progress', '--treat-config-hints-as-errors'],
  ['imports', 'vitest', 'run', '--root', '.', '--config', 'test/check.config.ts'],
];

const failed: string[] = [];
for (const [name, command, ...args] of steps) {
  process.stdout.write(`${name.padEnd(8)} … `);
  const started = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok' : 'FAILED'} (${seconds} s)`);
  if (status === 0) continue;
  failed.push(name);
  console.log(error?.message ?? `${stdout}${stderr}`);
}
if (failed.length > 0) {
  console.log(`Failed: ${failed.join(', ')}. \`npm run format\` mends the format.`);
  process.exitCode = 1;
}
