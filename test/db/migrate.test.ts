import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('migrate', () => {
  const migrateAgain = () =>
    migrate({
      ownerUrl: database.ownerUrl,
      keysUrl: new URL(new URL(database.keysUrl).pathname, database.ownerUrl).href,
    });

  it('changes nothing the second time', async () => {
    expect(await migrateAgain()).toEqual([]);
  });

  it('refuses a file that was changed after it was applied', async () => {
    const { sql } = database.owner;
    const [row] = await sql<{ checksum: string }[]>`
      update migrations.applied set checksum = 'other' where name = '0001_foundation.sql'
      returning (select checksum from migrations.applied where name = '0001_foundation.sql')`;
    await expect(migrateAgain()).rejects.toThrow(/was changed after it was applied/);
    await sql`
      update migrations.applied set checksum = ${row!.checksum}
      where name = '0001_foundation.sql'`;
    expect(await migrateAgain()).toEqual([]);
  });

  it('leaves nothing that belongs to a superuser', async () => {
    const rows = await database.owner.sql`
      select c.relname from pg_class c join pg_roles r on r.oid = c.relowner
      where c.relnamespace in ('public'::regnamespace, 'directory'::regnamespace,
        'admin'::regnamespace) and r.rolsuper`;
    expect(rows).toHaveLength(0);
  });
});
