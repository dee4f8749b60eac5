import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

let database: TestDatabase;
const children: ChildProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await database.drop();
});

/** `node api/main.ts` with everything it writes. */
function startApi(changes: Record<string, string> = {}) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.resolve('../../api/main.ts'))], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: database.appUrl,
      KEYS_DATABASE_URL: database.keysUrl,
      STEWARD_ROOT_KEY: randomBytes(32).toString('base64'),
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      STEWARD_PORT: '0',
      ...changes,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
  }
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  return { child, exited, output: () => output.join('') };
}

describe('node api/main.ts', () => {
  it('answers, and drains on SIGTERM', async () => {
    const api = startApi();
    const port = await waitFor(() => /"port":(\d+)/.exec(api.output())?.[1], {
      what: 'the API to listen',
      timeoutMs: 30_000,
    });
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`);
    expect(await ready.json()).toEqual({ status: 'ok', database: 'ok', temporal: 'ok' });
    api.child.kill('SIGTERM');
    expect(await api.exited).toBe(0);
    expect(api.output()).toContain('draining');
  });

  it('refuses to serve as a role that row-level security does not bind', async () => {
    const api = startApi({ DATABASE_URL: database.ownerUrl });
    expect(await api.exited).toBe(1);
    expect(api.output()).toContain('Remedy: Point DATABASE_URL at a migrated database');
    expect(api.output()).toContain('steward_app');
  });

  it('refuses to start without the root key', async () => {
    const api = startApi({ STEWARD_ROOT_KEY: '' });
    expect(await api.exited).toBe(1);
    expect(api.output()).toContain('STEWARD_ROOT_KEY is not set');
  });
});
