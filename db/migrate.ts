import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { TransactionSql } from 'postgres';
import { postgres } from './driver.ts';
import { sessionSettings } from './client.ts';
import { forgetTenants } from './planner.ts';

/** Roles of the data layer; a production installation creates them itself (OPERATIONS.md). */
export const ownerRole = 'steward_owner';
export const appRole = 'steward_app';
export const keysRole = 'steward_keys';

export interface MigrateOptions {
  /** Owner of the data database, or a superuser, under which the roles are made as well. */
  ownerUrl: string;
  keysUrl: string;
  /** Password that the app and keys roles are given, when this URL may create roles. */
  appPassword?: string;
}

/** Lets one process migrate at a time, however many start together. */
const migrationLock = 0x73746577;

const migrationsFolder = new URL('./migrations/', import.meta.url);

/**
 * Brings both databases to the newest migration. A migration is one file and one transaction; its
 * checksum is kept, and a file that was changed afterwards is refused. Returns what was applied.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const { ownerUrl, keysUrl, appPassword } = options;
  const data = await migrateDatabase(ownerUrl, {
    ...{ folder: migrationsFolder, role: appRole, password: appPassword, finish: forgetTenants },
  });
  const keysFolder = new URL('./keys/', migrationsFolder);
  const keys = await migrateDatabase(keysUrl, {
    ...{ folder: keysFolder, role: keysRole, password: appPassword },
  });
  return [...data, ...keys];
}

/** The same server and database, entered as another role. */
export function roleUrl(url: string, role: string, password: string): string {
  const changed = new URL(url);
  changed.username = role;
  changed.password = encodeURIComponent(password);
  return changed.href;
}

export interface Migration {
  name: string;
  text: string;
  checksum: string;
}

/** The migrations of a folder in the order of their names. */
export async function readMigrations(folder: URL = migrationsFolder): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted();
  return await Promise.all(
    names.map(async (name) => {
      const text = await readFile(new URL(name, folder), 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

interface DatabaseToMigrate {
  folder: URL;
  /** Who works in it, and with which password, when this URL may create roles. */
  role: string;
  password: string | undefined;
  /** What is done after the migrations, in their transaction, also when there was none. */
  finish?: (tx: TransactionSql) => Promise<void>;
}

async function migrateDatabase(
  url: string,
  { folder, role, password, finish }: DatabaseToMigrate,
): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const connection = sessionSettings('steward-migrate');
  const sql = postgres(url, { max: 1, connection, onnotice: () => undefined });
  try {
    return await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${migrationLock})`;
      await prepareRoles(tx, role, password);
      await tx`create schema if not exists migrations`;
      await tx`
        create table if not exists migrations.applied (
          name text primary key,
          checksum text not null,
          applied_at timestamptz not null default now()
        )`;
      const applied = await applyNew(tx, migrations);
      await finish?.(tx);
      return applied;
    });
  } finally {
    await sql.end();
  }
}

async function applyNew(tx: TransactionSql, migrations: Migration[]): Promise<string[]> {
  const rows = await tx<{ name: string; checksum: string }[]>`
    select name, checksum from migrations.applied`;
  const applied = new Map(rows.map((row) => [row.name, row.checksum]));
  const fresh: string[] = [];
  for (const { name, text, checksum } of migrations) {
    const known = applied.get(name);
    if (known === checksum) continue;
    if (known !== undefined) {
      throw new Error(`Migration ${name} was changed after it was applied. Add a new one instead.`);
    }
    await tx.unsafe(text);
    await tx`insert into migrations.applied (name, checksum) values (${name}, ${checksum})`;
    fresh.push(name);
  }
  return fresh;
}

/**
 * Under a superuser: creates the roles that are missing, gives the database to the owner role and
 * goes on as that role, so that nothing belongs to a superuser. Otherwise the roles must be there.
 */
async function prepareRoles(
  tx: TransactionSql,
  role: string,
  password: string | undefined,
): Promise<void> {
  const [me] = await tx<{ rolsuper: boolean; database: string }[]>`
    select rolsuper, current_database() as database from pg_roles where rolname = current_user`;
  if (me?.rolsuper) {
    // Roles belong to the whole server: databases that are migrated side by side take turns here.
    await createRole(tx, ownerRole, 'nologin');
    await createRole(tx, role, password === undefined ? 'nologin' : 'login');
    if (password !== undefined) {
      await tx.unsafe(`alter role ${role} login password '${password.replaceAll("'", "''")}'`);
    }
    await tx`alter database ${tx(me.database)} owner to ${tx(ownerRole)}`;
    await tx`set local role ${tx(ownerRole)}`;
    return;
  }
  const found = await tx`select from pg_roles where rolname = ${role}`;
  if (found.length === 0) {
    throw new Error(
      `The role ${role} is missing. Create it first (create role ${role} login password '…'), ` +
        'or run the migrations once as a superuser.',
    );
  }
}

async function createRole(
  tx: TransactionSql,
  role: string,
  login: 'login' | 'nologin',
): Promise<void> {
  const found = await tx`select from pg_roles where rolname = ${role}`;
  if (found.length > 0) return;
  await tx.unsafe(`
    do $$ begin
      create role ${role} ${login} nosuperuser nobypassrls nocreatedb nocreaterole;
    exception when duplicate_object or unique_violation then null;
    end $$`);
}
