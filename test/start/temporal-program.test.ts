import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startTemporal } from '../../runtime/embedded/temporal.ts';
import { temporalBinary } from '../../runtime/embedded/temporal-binary.ts';
import { Problem } from '../../runtime/problem.ts';
import { registerSearchAttributes } from '../../runtime/temporal.ts';
import { searchAttributes } from '../../workflows/contract.ts';

describe('the Temporal program', () => {
  let folder: string;
  let said: string[];
  const say = (text: string) => said.push(text);
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'steward-temporal-'));
    said = [];
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([
    ['truncated', (file: string) => truncateSync(file, 100_000)],
    ['empty', (file: string) => truncateSync(file, 0)],
  ])('in the cache that is %s is fetched again', async (_, damage) => {
    const real = await temporalBinary(() => undefined);
    const cached = path.join(folder, 'temporal');
    copyFileSync(real, cached);
    damage(cached);
    // That it would be fetched is enough: nothing is downloaded here.
    for (const name of ['HTTPS_PROXY', 'https_proxy']) vi.stubEnv(name, 'http://127.0.0.1:9');
    vi.stubEnv('PATH', path.join(folder, 'nothing'));
    const outcome = await temporalBinary(say, folder).catch((error: unknown) => error);
    expect(said).toContain(`${cached} does not run; it is passed over`);
    expect(said.some((line) => line.startsWith('fetching the Temporal server'))).toBe(true);
    expect(outcome).toBeInstanceOf(Problem);
  });

  test('is not fetched to a folder that cannot be written, which is named', async () => {
    const file = path.join(folder, 'a file');
    writeFileSync(file, '');
    vi.stubEnv('PATH', path.join(folder, 'nothing'));
    const cache = path.join(file, 'cache');
    const outcome = await temporalBinary(say, cache).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(Problem);
    expect((outcome as Problem).message).toContain(`${cache}, which cannot be written (ENOTDIR)`);
    expect((outcome as Problem).remedy).toContain('HOME=<folder>');
  });

  test('serves the namespace it is told to, also on a store that has others', async () => {
    const stateDir = path.join(folder, 'run');
    mkdirSync(stateDir);
    for (const namespace of ['default', 'mine']) {
      const running = await startTemporal({
        ...{ binary: await temporalBinary(say), stateDir, namespace, timeSkipping: true },
        ...{ databaseFile: path.join(folder, 'temporal.sqlite'), port: 0, uiPort: 0 },
      });
      const connection = await Connection.connect({ address: running.address });
      const keys = Object.values(searchAttributes);
      await registerSearchAttributes(connection, namespace, keys);
      const { customAttributes } = await connection.operatorService.listSearchAttributes({
        namespace,
      });
      await connection.close();
      await running.stop();
      expect(Object.keys(customAttributes ?? {})).toEqual(
        expect.arrayContaining(keys.map(({ name }) => name)),
      );
    }
  });
});
