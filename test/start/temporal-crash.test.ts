import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTemporal } from '../../runtime/embedded/temporal.ts';
import { temporalBinary } from '../../runtime/embedded/temporal-binary.ts';
import { Problem } from '../../runtime/problem.ts';

/** The dev server picks most of its ports itself, and crashes when one is taken meanwhile. */
describe('a Temporal server that crashes while it starts', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'steward-temporal-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** The real program behind a script that crashes the first `crashes` times. */
  async function start(crashes: number) {
    const real = await temporalBinary(() => undefined);
    const count = path.join(folder, 'starts');
    const stack = Array.from({ length: 20 }, (_, line) => `main.frame${line}(0x0)`).join('\n');
    const script = `#!/bin/sh
case "$*" in *--help*) exec '${real}' "$@";; esac
echo start >> '${count}'
[ $(wc -l < '${count}') -gt ${crashes} ] && exec '${real}' "$@"
echo 'panic: no port' >&2
echo '${stack}' >&2
exit 2
`;
    const binary = path.join(folder, 'temporal');
    writeFileSync(binary, script, { mode: 0o755 });
    const starting = startTemporal({
      binary,
      databaseFile: path.join(folder, 'temporal.sqlite'),
      port: 0,
      uiPort: 0,
      stateDir: folder,
      timeSkipping: false,
    });
    const outcome = await starting.catch((error: unknown) => error);
    return { outcome, starts: readFileSync(count, 'utf8').trim().split('\n').length };
  }

  test('is started again', async () => {
    const { outcome, starts } = await start(1);
    if (outcome instanceof Error) throw outcome;
    await (outcome as Awaited<ReturnType<typeof startTemporal>>).stop();
    expect(starts).toBe(2);
  });

  test('is given up after three times, with what it said first', async () => {
    const { outcome, starts } = await start(9);
    expect(outcome).toBeInstanceOf(Problem);
    expect((outcome as Problem).message).toContain('panic: no port');
    expect((outcome as Problem).message).toContain('main.frame19');
    expect(starts).toBe(3);
  });
});
