import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningPostgres, startPostgres } from '../../runtime/embedded/postgres.ts';
import { postgresUser } from '../../runtime/embedded/postgres-binaries.ts';
import { Problem } from '../../runtime/problem.ts';

/** After a power cut `postmaster.pid` is still there, and its number may be another's by now. */
const folder = mkdtempSync(path.join(tmpdir(), 'steward-postmaster-'));
const dataDir = path.join(folder, 'postgres');
let another: ChildProcess;
let running: RunningPostgres | undefined;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  // Of the same account, so that Postgres can ask whether it lives. Its command line names the
  // folder too, but not as a server's does.
  const account = postgresUser() ?? {};
  another = spawn('/bin/sh', ['-c', 'read line', `-D ${dataDir}`, dataDir], account);
  await begin();
  await end();
});
afterAll(async () => {
  await end();
  another.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

async function begin(stateDir = folder): Promise<void> {
  running = await startPostgres({ dataDir, port: 0, password: 'a', stateDir, disposable: true });
}

async function end(): Promise<void> {
  await running?.stop();
  running = undefined;
}

test.each([
  ['names another process', () => `${another.pid}\n${dataDir}\n1700000000\n5432\n`],
  ['is empty', () => ''],
  ['holds no number', () => '\0\0\0\0'],
])('Postgres starts although its file %s', async (_, content) => {
  writeFileSync(path.join(dataDir, 'postmaster.pid'), content());
  await begin();
  expect(running?.hasExited()).toBe(false);
  await end();
});

test('another Postgres on the folder is named, and left alone', async () => {
  await begin();
  const pid = running?.pid;
  const elsewhere = mkdtempSync(path.join(folder, 'state-'));
  const second = await startPostgres({
    dataDir,
    port: 0,
    password: 'a',
    stateDir: elsewhere,
  }).catch((error: unknown) => error);
  expect(second).toBeInstanceOf(Problem);
  expect((second as Problem).message).toContain(`Another Postgres (process ${pid}) runs`);
  expect(running?.hasExited()).toBe(false);
  await end();
});
