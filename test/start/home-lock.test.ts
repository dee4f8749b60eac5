import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openHome } from '../../runtime/embedded/home.ts';
import { Problem } from '../../runtime/problem.ts';

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
});
