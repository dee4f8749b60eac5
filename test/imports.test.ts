import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { forbiddenImports } from './support/import-rules.ts';

test('no folder imports what the table of ARCHITECTURE.md forbids', async () => {
  const { modules, forbidden } = await forbiddenImports();
  expect(modules).toBeGreaterThan(40);
  expect(forbidden).toEqual([]);
});

describe('the rules bite', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'steward-imports-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A project of three files in which one import is planted. */
  async function planted(file: string, text: string): Promise<string[]> {
    const project = mkdtempSync(path.join(folder, 'project-'));
    const files = {
      'domain/words.ts': 'export const word = 1;\nexport type Word = number;\n',
      'db/rows.ts': 'export const row = 1;\nexport type Row = number;\n',
      'activities/deps.ts': 'export const dep = 1;\nexport type Dep = number;\n',
      'workflows/contract.ts': 'export const name = 1;\n',
      'workflows/sync.ts': 'export const sync = 1;\n',
      'providers/google/mail.ts': 'export const mail = 1;\n',
      'providers/imap/mail.ts': 'export const mail = 1;\n',
      'runtime/env.ts': 'export const env = 1;\n',
      'api/main.ts': 'export const main = 1;\n',
      'worker/main.ts': 'export const main = 1;\n',
      [file]: text,
    };
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
      writeFileSync(path.join(project, name), content);
    }
    const sources = ['domain', 'db', 'activities', 'workflows', 'providers', 'runtime', 'api'];
    return (await forbiddenImports([...sources, 'worker'], project)).forbidden;
  }

  test('a project that keeps to the table has nothing forbidden', async () => {
    expect(
      await planted(
        'workflows/clean.ts',
        "import { word } from '../domain/words.ts';\nimport type { Dep } from '../activities/deps.ts';\n" +
          'export const used: Dep = word;\n',
      ),
    ).toEqual([]);
    expect(await planted('api/clean.ts', "export * from '../workflows/contract.ts';\n")).toEqual(
      [],
    );
  });

  test.each([
    ['domain/x.ts', "import { row } from '../db/rows.ts';", '../db/rows.ts'],
    ['domain/x.ts', "import type { Row } from '../db/rows.ts';", '../db/rows.ts'],
    ['domain/x.ts', "import path from 'node:path';", 'path'],
    ['runtime/x.ts', "import { row } from '../db/rows.ts';", '../db/rows.ts'],
    ['db/x.ts', "import { env } from '../runtime/env.ts';", '../runtime/env.ts'],
    ['db/x.ts', "import { Client } from '@temporalio/client';", '@temporalio/client'],
    ['db/x.ts', "import postgres from 'postgres';\nexport const it = postgres;", 'postgres'],
    ['api/x.ts', "const { default: it } = await import('postgres');", 'postgres'],
    ['providers/imap/x.ts', "import '../google/mail.ts';", '../google/mail.ts'],
    ['providers/imap/x.ts', "import { row } from '../../db/rows.ts';", '../../db/rows.ts'],
    ['workflows/x.ts', "import { dep } from '../activities/deps.ts';", '../activities/deps.ts'],
    ['workflows/x.ts', "import fs from 'node:fs';", 'fs'],
    ['workflows/x.ts', "import { Client } from '@temporalio/client';", '@temporalio/client'],
    ['workflows/x.ts', "const fs = await import('node:fs');", 'fs'],
    ['activities/x.ts', "import { sync } from '../workflows/sync.ts';", '../workflows/sync.ts'],
    ['activities/x.ts', "import { env } from '../runtime/env.ts';", '../runtime/env.ts'],
    ['worker/x.ts', "import { main } from '../api/main.ts';", '../api/main.ts'],
    ['api/x.ts', "import { sync } from '../workflows/sync.ts';", '../workflows/sync.ts'],
    ['api/x.ts', "export { dep } from '../activities/deps.ts';", '../activities/deps.ts'],
    ['api/x.ts', "import { main } from '../worker/main.ts';", '../worker/main.ts'],
  ])('%s: %s', async (file, text, imported) => {
    const used = text.replace(
      /^import (?:type )?\{? ?(\w+) ?\}? from.*/,
      '\nexport const it = $1;',
    );
    const source = used === text ? text : `${text}${used}\n`;
    expect(await planted(file, source)).toEqual([`${file} → ${imported}`]);
  });
});
