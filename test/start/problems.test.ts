import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHomeFolder, spawnStart, start } from '../support/started.ts';

/** On a machine that runs other tests besides. */
const twoStartsTimeoutMs = 180_000;

/** What keeps an instance from starting is said in a line, with a remedy, and leaves nothing. */
describe('npm start says what is wrong', () => {
  let folder: ReturnType<typeof createHomeFolder>;
  beforeEach(() => {
    folder = createHomeFolder();
  });
  afterEach(() => folder.remove());

  async function failure(env?: Record<string, string>, home = folder.home): Promise<string> {
    const { ended, output } = spawnStart(home, env);
    expect(await ended).toBe(1);
    expect(output()).toContain('Remedy: ');
    expect(output()).not.toMatch(/^ +at /m);
    return output();
  }

  test.each(['STEWARD_PORT', 'STEWARD_POSTGRES_PORT'])('a port that is taken: %s', async (name) => {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const output = await failure({ [name]: String(port) });
    server.close();
    expect(output).toContain(`Port ${port} for `);
    expect(output).toContain(`${name}=<port>`);
  });

  test('a folder that cannot be written', async () => {
    writeFileSync(folder.home, 'a file');
    const output = await failure({}, path.join(folder.home, 'below'));
    expect(output).toContain('cannot be written (ENOTDIR)');
  });

  test('a database folder with something else in it, which stays', async () => {
    mkdirSync(path.join(folder.home, 'postgres'), { recursive: true });
    writeFileSync(path.join(folder.home, 'postgres', 'diary.txt'), 'mine');
    expect(await failure()).toContain('not those of a database');
  });

  test('a database folder that is damaged', async () => {
    const postgres = path.join(folder.home, 'postgres');
    mkdirSync(postgres, { recursive: true });
    writeFileSync(path.join(postgres, 'PG_VERSION'), '18\n');
    writeFileSync(path.join(folder.home, 'root.key'), Buffer.alloc(32).toString('base64'));
    const secrets = { postgresPassword: 'a', appPassword: 'b' };
    writeFileSync(path.join(folder.home, 'secrets.json'), JSON.stringify(secrets));
    const output = await failure();
    expect(output).toContain(`Postgres does not start on ${postgres}`);
    expect(output).toContain('restore it from a backup');
  });

  test('data whose keys are gone', async () => {
    mkdirSync(path.join(folder.home, 'postgres'), { recursive: true });
    writeFileSync(path.join(folder.home, 'postgres', 'PG_VERSION'), '18\n');
    expect(await failure()).toContain('secrets.json is gone');
  });

  test(
    'a root key that did not make the data: at once, in the words of the process',
    async () => {
      const { process: first, ended, instance } = await start(folder.home);
      expect(instance.apiKey).toMatch(/^stw_/);
      first.kill('SIGINT');
      expect(await ended).toBe(0);
      const another = randomBytes(32).toString('base64');
      writeFileSync(path.join(folder.home, 'root.key'), another);
      const output = await failure();
      expect(output.match(/are wrapped by root key/g)).toHaveLength(1);
      expect(output).toContain('Remedy: Give it the root key that made them.');
      expect(output).not.toContain('starts again');
    },
    twoStartsTimeoutMs,
  );

  test('a setting that is wrong', async () => {
    expect(await failure({ STEWARD_PORT: 'http' })).toContain('STEWARD_PORT is "http".');
  });
});
