import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningPostgres, startPostgres } from '../../runtime/embedded/postgres.ts';
import { postgresBinaries, postgresUser } from '../../runtime/embedded/postgres-binaries.ts';
import { clearPostmasterPid } from '../../runtime/embedded/postmaster-pid.ts';
import { Problem } from '../../runtime/problem.ts';
import { waitFor } from '../support/wait-for.ts';

/** After a power cut `postmaster.pid` is still there, and its number may be another's by now. */
const folder = mkdtempSync(path.join(tmpdir(), 'steward-postmaster-'));
const dataDir = path.join(folder, 'postgres');
const pidFile = path.join(dataDir, 'postmaster.pid');
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
  writeFileSync(pidFile, content());
  await begin();
  expect(running?.hasExited()).toBe(false);
  await end();
});

describe('a Postgres that was told of its folder in another way', () => {
  const link = path.join(folder, 'link');
  beforeAll(() => symlinkSync(dataDir, link));

  test.each([
    ['-D and a relative name', ['-D', 'postgres'], {}],
    ['-D in one word', [`-D${dataDir}`], {}],
    ['PGDATA', [], { PGDATA: dataDir }],
    ['a symbolic link', ['-D', link], {}],
  ])('%s: is named, and keeps its file', async (_, args, env) => {
    const foreign = await startForeign(args, env);
    try {
      const before = readFileSync(pidFile, 'utf8');
      expect(() => clearPostmasterPid(dataDir)).toThrow(
        `Another Postgres (process ${foreign.pid}) runs on ${dataDir}`,
      );
      expect(readFileSync(pidFile, 'utf8')).toBe(before);
    } finally {
      await stopForeign(foreign);
    }
  });

  test('does not count on another folder', async () => {
    const foreign = await startForeign(['-D', dataDir]);
    const elsewhere = mkdtempSync(path.join(folder, 'data-'));
    const stale = path.join(elsewhere, 'postmaster.pid');
    try {
      writeFileSync(stale, `${foreign.pid}\n${elsewhere}\n`);
      clearPostmasterPid(elsewhere);
      expect(existsSync(stale)).toBe(false);
    } finally {
      await stopForeign(foreign);
    }
  });
});

/** As a person starts it, in the folder above; it is there once it has written its file. */
async function startForeign(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<ChildProcess> {
  const { postgres } = await postgresBinaries();
  const settings = ['listen_addresses=', `unix_socket_directories=${dataDir}`];
  const quiet = settings.flatMap((each) => ['-c', each]);
  const foreign = spawn(postgres, [...args, ...quiet], {
    ...postgresUser(),
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
  await waitFor(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').includes('ready'), {
    what: 'a Postgres of another',
  });
  return foreign;
}

async function stopForeign(foreign: ChildProcess): Promise<void> {
  foreign.kill('SIGINT');
  await waitFor(() => foreign.exitCode !== null, { what: 'the end of it' });
}

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
