import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import postgres from 'postgres';
import { migrate, readMigrations, roleUrl } from '../../db/migrate.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** An installation whose roles and databases an administrator has made: no superuser is at hand. */
describe('migrate as an owner who is no superuser', () => {
  const suffix = uuidv7().slice(-12);
  const owner = `test_owner_${suffix}`;
  const names = [`test_data_${suffix}`, `test_keys_${suffix}`] as const;
  let database: TestDatabase;
  let server: postgres.Sql;
  beforeAll(async () => {
    // Its template has made the roles of the server.
    database = await createTestDatabase();
    server = postgres(inject('postgresUrl'), { max: 1 });
    await server.unsafe(`create role ${owner} login password 'test'`);
    for (const name of names) await server.unsafe(`create database ${name} owner ${owner}`);
  });
  afterAll(async () => {
    for (const name of names) await server.unsafe(`drop database ${name} with (force)`);
    await server.unsafe(`drop role ${owner}`);
    await server.end();
    await database.drop();
  });

  const urlOf = (name: string): string => {
    const url = new URL(inject('postgresUrl'));
    url.pathname = name;
    return roleUrl(url.href, owner, 'test');
  };

  it('makes everything, owns it, and is bound by row-level security', async () => {
    const applied = await migrate({ ownerUrl: urlOf(names[0]), keysUrl: urlOf(names[1]) });
    expect(applied).toEqual(await allMigrations());
    expect(applied).toContain('0001_foundation.sql');
    const sql = postgres(urlOf(names[0]), { max: 1 });
    const [table] = await sql`
      select tableowner, has_table_privilege('steward_app', 'messages', 'delete') as granted
      from pg_tables where tablename = 'messages'`;
    expect(table).toEqual({ tableowner: owner, granted: true });
    const inserting = sql`
      insert into addresses (tenant_id, id, address)
      values (gen_random_uuid(), gen_random_uuid(), 'sealed')`;
    await expect(inserting).rejects.toMatchObject({ code: '42501' });
    await sql.end();
  });

  it('applies once when several processes start together', async () => {
    const [data, keys] = [`${names[0]}_b`, `${names[1]}_b`];
    for (const name of [data, keys]) await server.unsafe(`create database ${name} owner ${owner}`);
    const options = { ownerUrl: urlOf(data), keysUrl: urlOf(keys) };
    const applied = await Promise.all([migrate(options), migrate(options), migrate(options)]);
    expect(applied.flat().toSorted()).toEqual((await allMigrations()).toSorted());
    for (const name of [data, keys]) await server.unsafe(`drop database ${name} with (force)`);
  });
});

/** Of both databases, in the order in which they are applied. */
async function allMigrations(): Promise<string[]> {
  const keysFolder = new URL('../../db/migrations/keys/', import.meta.url);
  const migrations = [...(await readMigrations()), ...(await readMigrations(keysFolder))];
  return migrations.map(({ name }) => name);
}
