import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openHome } from '../../runtime/embedded/home.ts';
import { Problem } from '../../runtime/problem.ts';
import { writePidFile } from '../../runtime/supervise/pid-file.ts';

/** More than there are cores, so that they overtake each other anywhere. */
const contenders = 6;
const times = 60;

describe('the folder of an instance', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'steward-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('never has two owners, however many start after a kill', async () => {
    const script = fileURLToPath(import.meta.resolve('./home-contender.ts'));
    const run = promisify(execFile);
    const contend = () => run(process.execPath, [script, folder, String(times)]);
    await Promise.all(Array.from({ length: contenders }, contend));
    expect(readdirSync(path.join(folder, 'run'))).toHaveLength(1);
  });

  test('is free again when its owner lets it go', () => {
    const first = openHome(folder);
    expect(() => openHome(folder)).toThrow(Problem);
    expect(() => openHome(folder)).toThrow(`(process ${process.pid})`);
    first.unlock();
    openHome(folder).unlock();
  });

  test('is refused while an instance of an earlier version runs, and free after it', async () => {
    const run = path.join(folder, 'run');
    mkdirSync(run);
    const earlier = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'start.ts']);
    onTestFinished(() => void earlier.kill('SIGKILL'));
    const pidFile = path.join(run, 'supervisor.pid');
    await once(earlier, 'spawn');
    writePidFile(pidFile, { pid: earlier.pid ?? 0, marker: 'start.ts' });
    expect(() => openHome(folder)).toThrow(`(process ${earlier.pid})`);
    expect(() => openHome(folder)).toThrow(Problem);
    expect(existsSync(pidFile)).toBe(true);
    earlier.kill('SIGKILL');
    await once(earlier, 'exit');
    const home = openHome(folder);
    expect(existsSync(pidFile)).toBe(false);
    home.unlock();
  });
});
