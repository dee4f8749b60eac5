import { is, Table } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '../../db/catalogue.ts';
import type { CatalogueColumn, CatalogueTable } from '../../db/catalogue/columns.ts';
import { openDatabase, type Database } from '../../db/client.ts';
import * as admin from '../../db/schema/admin.ts';
import * as connections from '../../db/schema/connections.ts';
import * as directory from '../../db/schema/directory.ts';
import * as intents from '../../db/schema/intents.ts';
import * as keysSchema from '../../db/schema/keys.ts';
import * as mail from '../../db/schema/mail.ts';
import * as reconciliations from '../../db/schema/reconciliations.ts';
import * as requests from '../../db/schema/requests.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let keysOwner: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  // The keys role may not see every column: information_schema shows what one has rights on.
  const url = new URL(database.ownerUrl);
  url.pathname = new URL(database.keysUrl).pathname;
  keysOwner = openDatabase(url.href, { poolMax: 1, applicationName: 'test-keys-owner' });
});
afterAll(async () => {
  await keysOwner.close();
  await database.drop();
});

describe('the catalogue', () => {
  it('lists every column of both databases, and no other', async () => {
    expect(listed('data')).toEqual(await existing(database.owner));
    expect(listed('keys')).toEqual(await existing(keysOwner));
  });

  it('misses a column, a table and a schema that somebody adds', async () => {
    const { sql } = database.owner;
    for (const [add, remove, name] of [
      [
        'alter table messages add column note text',
        'alter table messages drop column note',
        'public.messages.note',
      ],
      [
        'create table directory.extra (id uuid)',
        'drop table directory.extra',
        'directory.extra.id',
      ],
      [
        'create schema other; create view other.extra as select 1 as one',
        'drop schema other cascade',
        'other.extra.one',
      ],
    ] as const) {
      await sql.unsafe(add);
      const known = new Set(listed('data'));
      const missing = (await existing(database.owner)).filter((column) => !known.has(column));
      await sql.unsafe(remove);
      expect(missing).toEqual([name]);
    }
    expect(listed('data')).toEqual(await existing(database.owner));
  });

  it('calls every bytea column sealed, a hash or a key, and names the fields of the sealed', async () => {
    const rows = await database.owner.sql<{ name: string }[]>`
      select table_schema || '.' || table_name || '.' || column_name as name
      from information_schema.columns where data_type = 'bytea'
        and table_schema in ('public', 'directory', 'admin')`;
    const columns = new Map<string, CatalogueColumn>(
      catalogue.flatMap(({ name, columns: each }) =>
        Object.entries(each).map(([column, entry]) => [`${name}.${column}`, entry] as const),
      ),
    );
    const encrypted: (string | undefined)[] = ['sealed', 'hash', 'key'];
    const others = rows.filter(({ name }) => !encrypted.includes(columns.get(name)?.holds));
    expect(others).toEqual([]);
    const sealed = [...columns].filter(([, { holds }]) => holds === 'sealed');
    expect(sealed.length).toBeGreaterThan(5);
    const known = rows.map(({ name }) => name);
    expect(sealed.filter(([name]) => !known.includes(name))).toEqual([]);
    expect(sealed.filter(([, { fields }]) => Object.keys(fields ?? {}).length === 0)).toEqual([]);
  });

  it('leaves sealed columns uncompressed by the database', async () => {
    const rows = await database.owner.sql<{ name: string }[]>`
      select n.nspname || '.' || c.relname || '.' || a.attname as name
      from pg_attribute a join pg_class c on c.oid = a.attrelid
        join pg_namespace n on n.oid = c.relnamespace
      where a.attstorage = 'e' and n.nspname = 'public' and c.relkind = 'r' and a.attnum > 0`;
    const sealed = catalogue.flatMap(({ name, columns }) =>
      Object.entries(columns)
        .filter(([, { holds }]) => holds === 'sealed')
        .map(([column]) => `${name}.${column}`),
    );
    expect(rows.map((row) => row.name).toSorted()).toEqual(sealed.toSorted());
  });
});

describe('the Drizzle schema', () => {
  const tables = [
    ...[admin, connections, directory, intents],
    ...[mail, reconciliations, requests, keysSchema],
  ]
    .flatMap((module) => Object.values<unknown>(module))
    .filter((value): value is PgTable => is(value, Table) && is(value, PgTable));

  it('describes every column as the migrations made it', async () => {
    const actual = [
      ...(await describeColumns(database.owner)),
      ...(await describeColumns(keysOwner)),
    ];
    const expected = tables.flatMap((table) => {
      const { schema = 'public', name, columns } = getTableConfig(table);
      return columns.map((column) => ({
        name: `${schema}.${name}.${column.name}`,
        type: column.getSQLType(),
        notNull: column.notNull,
        hasDefault: column.hasDefault,
      }));
    });
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect(expected.toSorted(byName)).toEqual(actual.toSorted(byName));
  });

  it('names the primary keys as the migrations made them', async () => {
    for (const table of tables) {
      const { schema = 'public', name, columns, primaryKeys } = getTableConfig(table);
      const owner = table === keysSchema.wrappedKeys ? keysOwner : database.owner;
      const [row] = await owner.sql<{ columns: string[] }[]>`
        select array_agg(a.attname::text order by a.attname) as columns
        from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
        where i.indisprimary and i.indrelid = ${`${schema}.${name}`}::regclass`;
      const own = columns.filter((column) => column.primary);
      const named = [...own, ...primaryKeys.flatMap((key) => key.columns)];
      const primaryKey = named.map((column) => column.name).toSorted();
      expect({ name, primaryKey }).toEqual({ name, primaryKey: row!.columns });
    }
  });
});

function listed(of: CatalogueTable['database']): string[] {
  return catalogue
    .filter((table) => table.database === of)
    .flatMap(({ name, columns }) => Object.keys(columns).map((column) => `${name}.${column}`))
    .toSorted();
}

async function existing({ sql }: Database): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select table_schema || '.' || table_name || '.' || column_name as name
    from information_schema.columns
    where table_schema not in ('information_schema', 'pg_catalog')`;
  return rows.map(({ name }) => name).toSorted();
}

async function describeColumns({ sql }: Database) {
  return await sql<{ name: string; type: string; notNull: boolean; hasDefault: boolean }[]>`
    select n.nspname || '.' || c.relname || '.' || a.attname as name,
      format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as "notNull",
      (a.atthasdef or a.attidentity <> '') as "hasDefault"
    from pg_attribute a join pg_class c on c.oid = a.attrelid
      join pg_namespace n on n.oid = c.relnamespace
    where a.attnum > 0 and not a.attisdropped and c.relkind = 'r'
      and n.nspname in ('public', 'directory', 'admin')`;
}
