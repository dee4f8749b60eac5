import { spawnSync } from 'node:child_process';
import path from 'node:path';

/**
 * `npm run check`: everything that can be said about the source without running it. Every step
 * runs, so that one look shows all that is wrong.
 */
const steps: readonly (readonly [name: string, program: string, ...args: string[]])[] = [
  ['format', 'oxfmt', '--check'],
  ['lint', 'oxlint', '--deny-warnings'],
  ['types', 'tsc', '--noEmit'],
  ['unused', 'knip', '--no-progress', '--treat-config-hints-as-errors'],
  ['imports', 'vitest', 'run', '--root', '.', '--config', 'test/check.config.ts'],
];

const failed: string[] = [];
for (const [name, program, ...args] of steps) {
  process.stdout.write(`${name.padEnd(8)} … `);
  const started = performance.now();
  // Under this Node, whatever the one on PATH is.
  const command = [path.join('node_modules', '.bin', program), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok' : 'FAILED'} (${seconds} s)`);
  if (status === 0) continue;
  failed.push(name);
  console.log(stdout + stderr);
}
if (failed.length > 0) {
  console.log(`Failed: ${failed.join(', ')}. \`npm run format\` mends the format.`);
  process.exitCode = 1;
}
