import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ownPid, stopOrphan, writePidFile } from '../../runtime/supervise/pid-file.ts';
import { commandLine, isAlive } from '../../runtime/supervise/pid.ts';
import { waitFor } from '../support/wait-for.ts';

describe('what a killed run left behind', () => {
  const marker = `--instance=${Math.random()}`;
  const folder = mkdtempSync(path.join(tmpdir(), 'steward-pid-'));
  const file = path.join(folder, 'service.pid');
  let pid = 0;

  beforeEach(async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', '--', marker]);
    pid = child.pid ?? 0;
    await waitFor(() => commandLine(pid).includes(marker));
  });
  afterEach(async () => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await waitFor(() => !isAlive(pid));
    rmSync(file, { force: true });
  });

  test('is stopped, and its file is removed', async () => {
    writePidFile(file, { pid, marker });
    expect(ownPid(file)).toBe(pid);
    expect(await stopOrphan(file, 'SIGTERM')).toBe(true);
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(file)).toBe(false);
  });

  test.each([
    ['its command line is another', { marker: '--instance=another' }],
    ['its number came round again', { startedAt: '1' }],
    ['the file says nothing that proves it ours', { marker: '' }],
  ])('is left alone when %s', async (_, change) => {
    writePidFile(file, { pid, marker });
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...change }));
    expect(await stopOrphan(file, 'SIGKILL')).toBe(false);
    expect(isAlive(pid)).toBe(true);
  });

  test('is nothing when the file is damaged', async () => {
    writeFileSync(file, '{"pid":');
    expect(await stopOrphan(file, 'SIGKILL')).toBe(false);
    expect(isAlive(pid)).toBe(true);
  });
});
