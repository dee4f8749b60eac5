import postgres from 'postgres';
import { hashAccessKey } from '../access-key.ts';
import type { KeyName } from './first-people.ts';

/** Creates those of the databases that the server does not have yet. */
export async function ensureDatabases(url: string, names: readonly string[]): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    for (const name of names) {
      const found = await sql`select from pg_database where datname = ${name}`;
      if (found.length === 0) await sql`create database ${sql(name)}`;
    }
  } finally {
    await sql.end();
  }
}

/** Whether anybody's data can be in the database yet; it must be migrated. */
export async function hasTenants(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return (await sql`select from directory.tenants limit 1`).length > 0;
  } finally {
    await sql.end();
  }
}

/** Whether the database has, or had, a key: one that was revoked is known too. It must be migrated. */
export async function knowsKey(url: string, name: KeyName, key: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  const hash = hashAccessKey(key);
  try {
    const found =
      name === 'operatorKey'
        ? await sql`select from admin.operators where key_hash = ${hash}`
        : await sql`select from directory.api_keys where hash = ${hash}`;
    return found.length > 0;
  } finally {
    await sql.end();
  }
}
