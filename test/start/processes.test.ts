import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** A process that is run by itself says what keeps it from starting, and what to do about it. */
const password = 'not-the-password';
let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** What a process that fails writes to its error output. */
async function failure(script: string, changes: Record<string, string> = {}): Promise<string> {
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: database.appUrl,
    KEYS_DATABASE_URL: database.keysUrl,
    STEWARD_ROOT_KEY: randomBytes(32).toString('base64'),
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    STEWARD_PORT: '0',
    ...changes,
  };
  const failed = (await promisify(execFile)(process.execPath, script.split(' '), { env }).then(
    () => ({ code: 0, stderr: '' }),
    (error: unknown) => error,
  )) as { code: number; stderr: string };
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(/^ {2}Remedy: ./m);
  expect(failed.stderr).not.toMatch(/^ +at /m);
  expect(failed.stderr).not.toContain('Failed query');
  expect(failed.stderr).not.toContain(password);
  return failed.stderr;
}

function changed(url: string, change: (url: URL) => void): string {
  const parsed = new URL(url);
  parsed.password = password;
  change(parsed);
  return parsed.href;
}

describe.each(['api/main.ts', 'worker/main.ts'])('%s', (script) => {
  test.each(['DATABASE_URL', 'KEYS_DATABASE_URL'])(
    'a Postgres that is not there: %s',
    async (name) => {
      const url = changed(database.appUrl, (parsed) => (parsed.port = '1'));
      const said = await failure(script, { [name]: url });
      expect(said).toContain(`The database of ${name} cannot be used: `);
      expect(said).toContain('ECONNREFUSED 127.0.0.1:1');
      expect(said).toContain(`Start Postgres, or correct host and port in ${name}.`);
    },
  );

  test('a password that is wrong', async () => {
    const said = await failure(script, { DATABASE_URL: changed(database.appUrl, () => undefined) });
    expect(said).toContain('password authentication failed for user "steward_app" (28P01)');
    expect(said).toContain('Correct user and password in DATABASE_URL');
  });

  test('a database that does not exist', async () => {
    const url = new URL(database.appUrl);
    url.pathname = '/nowhere';
    const said = await failure(script, { DATABASE_URL: url.href });
    expect(said).toContain('database "nowhere" does not exist (3D000)');
    expect(said).toContain('npm run migrate');
  });

  test('a role that row-level security does not bind', async () => {
    const said = await failure(script, { DATABASE_URL: database.ownerUrl });
    expect(said).toContain('Refusing to serve as the database role');
    expect(said).toContain('as the role steward_app.');
  });
});

test.each([
  ['api/main.ts', 'STEWARD_PORT', 'The API cannot listen at'],
  ['worker/main.ts', 'STEWARD_METRICS_PORT', "The worker's metrics cannot be served at"],
])('a port that is taken: %s, %s', async (script, name, what) => {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const said = await failure(script, { [name]: String(port) });
  server.close();
  expect(said).toContain(`${what} 127.0.0.1:${port}`);
  expect(said).toContain(`${name}=<port>`);
});

test('an API whose address is not of this machine', async () => {
  // RFC 5737: documentation only.
  const said = await failure('api/main.ts', { STEWARD_HOST: '192.0.2.1' });
  expect(said).toContain('192.0.2.1:0 (EADDRNOTAVAIL)');
});

test.each([
  ['migrate.ts', 'DATABASE_OWNER_URL'],
  ['create-operator.ts --name Ada', 'DATABASE_URL'],
  ['verify-audit.ts', 'DATABASE_URL'],
  ['rotate-keys.ts', 'STEWARD_ROOT_KEY'],
])('a command without its variables: %s', async (command, name) => {
  const none = { DATABASE_URL: '', KEYS_DATABASE_URL: '', STEWARD_ROOT_KEY: '' };
  expect(await failure(`worker/commands/${command}`, none)).toContain(`${name} is not set.`);
});

test('a command whose database does not answer', async () => {
  const url = changed(database.ownerUrl, (parsed) => (parsed.port = '1'));
  const said = await failure('worker/commands/migrate.ts', { DATABASE_OWNER_URL: url });
  expect(said).toContain('The database of DATABASE_OWNER_URL or KEYS_DATABASE_URL cannot be used');
});

test('a worker that is told to stop while it starts ends at once', async () => {
  const asked = Promise.withResolvers<void>();
  // It accepts and stays silent: the worker waits for its database.
  const silent = createServer(() => asked.resolve());
  await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const url = changed(database.appUrl, (parsed) => (parsed.port = String(port)));
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: url,
    KEYS_DATABASE_URL: url,
    STEWARD_ROOT_KEY: randomBytes(32).toString('base64'),
  };
  const worker = spawn(process.execPath, ['worker/main.ts'], { env, stdio: 'ignore' });
  const ended = once(worker, 'exit');
  await asked.promise;
  worker.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  silent.close();
});
