import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readEnv } from '../../runtime/env.ts';
import { Problem } from '../../runtime/problem.ts';

function problemOf(read: () => unknown): Problem {
  try {
    read();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the environment', () => {
  test('an empty one is enough to begin with', () => {
    const env = readEnv({});
    expect(env).toMatchObject({ port: 8080, sandbox: false, allowCleartext: false });
    expect(env.allowedNetworks).toEqual([]);
    expect(env.workerQueues).toBeUndefined();
    expect(env.home).toBe(path.resolve('.steward'));
  });

  test.each(['databaseUrl', 'databaseOwnerUrl', 'keysDatabaseUrl', 'rootKeys'] as const)(
    '%s is missed only by the process that asks for it',
    (field) => {
      const problem = problemOf(() => readEnv({})[field]);
      expect(problem.message).toMatch(/^[A-Z_]+ is not set\.$/);
      expect(problem.remedy).toContain('Set ');
    },
  );

  test.each([
    ['STEWARD_PORT', '80x'],
    ['STEWARD_PORT', '65536'],
    ['STEWARD_SANDBOX', 'yes'],
    ['STEWARD_ALLOW_CLEARTEXT', '1'],
    ['STEWARD_LOG_LEVEL', 'loud'],
    ['STEWARD_ALLOWED_NETWORKS', '10.0.0.0/8, nonsense'],
    ['STEWARD_METRICS_PORT', '-1'],
    ['STEWARD_TEMPORAL_UI_URL', 'ftp://example.org'],
  ])('%s=%s is refused with its name and a remedy', (name, value) => {
    const problem = problemOf(() => readEnv({ [name]: value }));
    expect(problem.message).toContain(name);
    expect(problem.remedy).not.toBe('');
  });

  test('a database URL is refused without being quoted, for it holds a password', () => {
    for (const value of ['secret', 'mysql://a:secret@h/d', 'postgres://a:secret@h']) {
      const problem = problemOf(() => readEnv({ DATABASE_URL: value }).databaseUrl);
      expect(problem.message).toContain('DATABASE_URL');
      expect(problem.message + problem.remedy).not.toContain('secret');
    }
  });

  test('the root key is read from hex, base64 or a file, and must have 32 bytes', () => {
    const key = Buffer.alloc(32, 7);
    const file = path.join(mkdtempSync(path.join(tmpdir(), 'steward-env-')), 'root.key');
    writeFileSync(file, `${key.toString('base64')}\n`);
    for (const variables of [
      { STEWARD_ROOT_KEY: key.toString('hex') },
      { STEWARD_ROOT_KEY: key.toString('base64') },
      { STEWARD_ROOT_KEY_FILE: file },
    ]) {
      expect(readEnv(variables).rootKeys).toEqual([key]);
    }
    const short = problemOf(() => readEnv({ STEWARD_ROOT_KEY: 'c2hvcnQ=' }).rootKeys);
    expect(short.message).toBe('STEWARD_ROOT_KEY holds 5 bytes instead of 32.');
    const absent = problemOf(() => readEnv({ STEWARD_ROOT_KEY_FILE: `${file}.no` }).rootKeys);
    expect(absent.message).toContain('ENOENT');
  });

  test('the sandbox opens the loopback network and IMAP without encryption', () => {
    const env = readEnv({ STEWARD_SANDBOX: 'true', STEWARD_ALLOWED_NETWORKS: '10.0.0.0/8' });
    expect(env.allowedNetworks).toEqual(['10.0.0.0/8', '127.0.0.0/8', '::1/128']);
    expect(env.allowCleartext).toBe(true);
    const strict = { STEWARD_SANDBOX: 'true', STEWARD_ALLOW_CLEARTEXT: 'false' };
    expect(readEnv(strict).allowCleartext).toBe(false);
  });

  test('Temporal is configured by its own variables', () => {
    const { temporal } = readEnv({
      TEMPORAL_ADDRESS: 'temporal.example:7233',
      TEMPORAL_NAMESPACE: 'steward',
    });
    expect(temporal.connectionOptions.address).toBe('temporal.example:7233');
    expect(temporal.namespace).toBe('steward');
    expect(readEnv({ TEMPORAL_ADDRESS: '' }).temporal.connectionOptions.address).toBeUndefined();
  });

  test('lanes are a list', () => {
    expect(readEnv({ WORKER_QUEUES: 'live, watch' }).workerQueues).toEqual(['live', 'watch']);
  });
});
