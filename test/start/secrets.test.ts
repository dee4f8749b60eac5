import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureSecrets, type Home, openHome } from '../../runtime/embedded/home.ts';
import { Problem } from '../../runtime/problem.ts';

const secretsFile = 'secrets.json';
const keyFile = 'root.key';

/** Without them the data is lost, so nothing takes the place of a file that is there. */
describe('the secrets of an instance', () => {
  let home: Home;
  beforeEach(() => {
    home = openHome(mkdtempSync(path.join(tmpdir(), 'steward-secrets-')));
  });
  afterEach(() => {
    home.unlock();
    rmSync(home.folder, { recursive: true });
  });

  const fileOf = (name: string) => path.join(home.folder, name);

  function holdData(): void {
    mkdirSync(home.postgresDir);
    writeFileSync(path.join(home.postgresDir, 'PG_VERSION'), '18\n');
  }

  function problem(): Problem {
    try {
      ensureSecrets(home);
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
    throw new Error('nothing was thrown');
  }

  test('are made once, and stay', () => {
    const made = ensureSecrets(home);
    const key = readFileSync(fileOf(keyFile), 'utf8');
    holdData();
    expect(ensureSecrets(home)).toEqual(made);
    expect(readFileSync(fileOf(keyFile), 'utf8')).toBe(key);
  });

  test.each([secretsFile, keyFile])('that are gone are named: %s', (name) => {
    ensureSecrets(home);
    holdData();
    rmSync(fileOf(name));
    expect(problem().message).toContain(`${name} is gone, and the data in `);
    expect(existsSync(fileOf(name))).toBe(false);
  });

  const damages = [
    [keyFile, ''],
    [keyFile, 'c2hvcnQ=\n'],
    [keyFile, '\0\0\0\0'],
    [secretsFile, ''],
    [secretsFile, '{"postgresPassword": "a'],
    [secretsFile, '{"postgresPassword": "a", "appPassword": ""}'],
    [secretsFile, 'null'],
  ] as const;

  test.each(damages)('that are damaged are named, with a backup as remedy: %s %j', (name, text) => {
    ensureSecrets(home);
    holdData();
    writeFileSync(fileOf(name), text);
    const { message, remedy } = problem();
    expect(message).toContain(`${name} is damaged, and the data beside it cannot be opened`);
    expect(remedy).toMatch(/^Restore the file from a backup/);
    expect(readFileSync(fileOf(name), 'utf8')).toBe(text);
  });

  test.each(damages)(
    'that are damaged before there is data can be deleted: %s %j',
    (name, text) => {
      writeFileSync(fileOf(name), text);
      expect(problem().remedy).toMatch(/^Delete it: there is no data yet/);
    },
  );
});
