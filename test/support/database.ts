import { createHash, randomBytes } from 'node:crypto';
import postgres from 'postgres';
import { inject } from 'vitest';
import { openDatabase, type Database } from '../../db/client.ts';
import {
  appRole,
  keysRole,
  migrate,
  ownerRole,
  readMigrations,
  roleUrl,
} from '../../db/migrate.ts';

export interface TestDatabase {
  /** A superuser's URL: sees everything, row-level security included. */
  ownerUrl: string;
  appUrl: string;
  keysUrl: string;
  owner: Database;
  app: Database;
  keys: Database;
  /** Closes the pools and drops both databases. */
  drop(): Promise<void>;
}

const password = 'test';

/** Held while the templates are made: test files start side by side. */
const templateLock = 0x7465_6d70;

/** A database of the caller's own with a keys database beside it, cloned from migrated templates. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl');
  const template = await ensureTemplates(serverUrl);
  const name = `test_${randomBytes(6).toString('hex')}`;
  const names = [name, `${name}_keys`] as const;
  await onServer(serverUrl, async (sql) => {
    for (const [clone, source] of [
      [names[0], template],
      [names[1], `${template}_keys`],
    ]) {
      await sql.unsafe(`create database ${clone} template ${source} owner ${ownerRole}`);
    }
  });
  const ownerUrl = databaseUrl(serverUrl, names[0]);
  const appUrl = roleUrl(ownerUrl, appRole, password);
  const keysUrl = roleUrl(databaseUrl(serverUrl, names[1]), keysRole, password);
  const open = (url: string, applicationName: string) =>
    openDatabase(url, { poolMax: 10, applicationName });
  const owner = open(ownerUrl, 'test-owner');
  const app = open(appUrl, 'test-app');
  const keys = open(keysUrl, 'test-keys');
  const drop = async (): Promise<void> => {
    await Promise.all([owner.close(), app.close(), keys.close()]);
    await onServer(serverUrl, async (sql) => {
      for (const each of names) await sql.unsafe(`drop database if exists ${each} with (force)`);
    });
  };
  return { ownerUrl, appUrl, keysUrl, owner, app, keys, drop };
}

/** Makes the migrated templates once per server; a changed migration makes new ones. */
async function ensureTemplates(serverUrl: string): Promise<string> {
  const keysFolder = new URL('../../db/migrations/keys/', import.meta.url);
  const migrations = [...(await readMigrations()), ...(await readMigrations(keysFolder))];
  const hash = createHash('sha256')
    .update(migrations.map((m) => m.checksum).join())
    .digest('hex');
  const template = `template_${hash.slice(0, 12)}`;
  await onServer(serverUrl, async (sql) => {
    await sql`select pg_advisory_lock(${templateLock})`;
    const found = await sql`
      select from pg_database where datname = ${template} and datistemplate`;
    if (found.length > 0) return;
    for (const name of [template, `${template}_keys`]) {
      // A half-made one is left when a run is killed between these steps.
      await sql.unsafe(`drop database if exists ${name}`);
      await sql.unsafe(`create database ${name}`);
    }
    await migrate({
      ownerUrl: databaseUrl(serverUrl, template),
      keysUrl: databaseUrl(serverUrl, `${template}_keys`),
      appPassword: password,
    });
    await sql.unsafe(`alter database ${template} is_template true`);
  });
  return template;
}

async function onServer(
  serverUrl: string,
  work: (sql: postgres.Sql) => Promise<void>,
): Promise<void> {
  const sql = postgres(serverUrl, { max: 1, onnotice: () => undefined });
  try {
    await work(sql);
  } finally {
    await sql.end();
  }
}

function databaseUrl(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
