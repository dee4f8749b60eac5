import { sql } from 'drizzle-orm';
import type { Sql, TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { catalogue } from '../../db/catalogue.ts';
import { openDatabase } from '../../db/client.ts';
import { forgetTenants } from '../../db/planner.ts';
import { insertMember, listMembers } from '../../db/queries/members.ts';
import { insertTenant } from '../../db/queries/tenants.ts';
import { assertAppRole } from '../../db/roles.ts';
import { withTenant, withTenantWrite } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const [tenantA, tenantB] = [uuidv7(), uuidv7()];
const window = { after: undefined, limit: 50 };

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  for (const tenantId of [tenantA, tenantB]) {
    await insertTenant(database.app.db, { id: tenantId, name: 'A customer', region: null });
    await withTenantWrite(database.app, tenantId, (tx) => insertMember(tx, member(tenantId)));
  }
});
afterAll(() => database.drop());

const member = (tenantId: string) => ({
  id: uuidv7(),
  tenantId,
  profile: Buffer.from('sealed'),
  emailIndex: uuidv7(),
  role: 'owner' as const,
});

const tenantTables = catalogue
  .filter(({ name }) => name.startsWith('public.') && name !== 'public.wrapped_keys')
  .map(({ name }) => name);

/** Tables whose row-level security is on, forced, and the one policy that every table has. */
async function protectedTables(tx: TransactionSql | Sql = database.owner.sql): Promise<string[]> {
  const context = `(tenant_id = (NULLIF(current_setting('steward.tenant_id'::text, true), ''::text))::uuid)`;
  const rows = await tx<{ name: string }[]>`
    select 'public.' || c.relname as name from pg_class c join pg_policy p on p.polrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and c.relrowsecurity and c.relforcerowsecurity
    group by c.oid, c.relname having count(*) = 1 and bool_and(p.polcmd = '*'
      and pg_get_expr(p.polqual, p.polrelid) = ${context}
      and pg_get_expr(p.polwithcheck, p.polrelid) = ${context})
    order by name`;
  return rows.map(({ name }) => name);
}

const countMembers = () => database.app.sql`select count(*)::int as count from members`;

describe('row-level security', () => {
  it('is enabled and forced, with one policy, on every table of tenants', async () => {
    expect(await protectedTables()).toEqual(tenantTables.toSorted());
  });

  it.each([
    'alter table members no force row level security',
    'alter table members disable row level security',
    'drop policy tenant on members',
    'create policy everyone on members for select using (true)',
    'alter policy tenant on members with check (true)',
  ])('is seen to be broken by: %s', async (statement) => {
    await database.owner.sql.begin(async (tx) => {
      await tx.unsafe(statement);
      expect(await protectedTables(tx)).not.toContain('public.members');
      await tx`rollback and chain`;
    });
    expect(await protectedTables()).toContain('public.members');
  });

  it('shows and changes nothing without a tenant context', async () => {
    for (const name of tenantTables) {
      const rows = await database.app.sql.unsafe(`select from ${name}`);
      expect(rows).toHaveLength(0);
    }
    expect(await database.app.sql`update members set role = 'member' returning id`).toEqual([]);
    expect(await database.app.sql`delete from members returning id`).toEqual([]);
  });

  it('shows a tenant its own rows only, whatever the query asks for', async () => {
    await withTenant(database.app, tenantA, async (tx) => {
      expect(await listMembers(tx, tenantA, window)).toHaveLength(1);
      expect(await listMembers(tx, tenantB, window)).toHaveLength(0);
      expect(await tx.execute(sql`select distinct tenant_id from members`)).toHaveLength(1);
    });
  });

  it('refuses a row for another tenant, and moving one there', async () => {
    const foreign = withTenantWrite(database.app, tenantA, (tx) =>
      insertMember(tx, member(tenantB)),
    );
    await expect(foreign).rejects.toMatchObject({ cause: { code: '42501' } });
    const moved = withTenantWrite(database.app, tenantA, (tx) =>
      tx.execute(sql`update members set tenant_id = ${tenantB}`),
    );
    await expect(moved).rejects.toMatchObject({ cause: { code: '42501' } });
  });

  it('carries no context from a transaction to the next on the same connection', async () => {
    const single = openDatabase(database.appUrl, { poolMax: 1, applicationName: 'test-single' });
    const count = async () => await single.sql`select from members`;
    await withTenant(single, tenantA, (tx) => listMembers(tx, tenantA, window));
    expect(await count()).toHaveLength(0);
    const aborted = withTenant(single, tenantA, (tx) => tx.execute(sql`select 1 / 0`));
    await expect(aborted).rejects.toMatchObject({ cause: { code: '22012' } });
    expect(await count()).toHaveLength(0);
    await single.close();
  });

  it('can not be switched off by the application', async () => {
    const { sql: app } = database.app;
    for (const statement of [
      'alter table members disable row level security',
      'alter table members no force row level security',
      'drop policy tenant on members',
      'alter table messages disable trigger fence',
      'create policy all_rows on members using (true)',
      'set role steward_owner',
      'set session_replication_role = replica',
      'alter role steward_app bypassrls',
      'truncate members',
      'create table public.copy as select 1 as one',
      'create or replace function public.steward_now() returns timestamptz return now()',
    ]) {
      await expect(app.unsafe(statement)).rejects.toMatchObject({ code: '42501' });
    }
    // This setting asks for an error where rows would be filtered; it never shows more.
    await app.begin(async (tx) => {
      await tx`set local row_security = off`;
      await expect(tx.savepoint((inner) => inner`select from members`)).rejects.toMatchObject({
        code: '42501',
      });
    });
    expect(await countMembers()).toEqual([{ count: 0 }]);
  });

  it('binds the owner of the tables as well', async () => {
    const rows = await database.owner.sql.begin(async (tx) => {
      await tx`set local role steward_owner`;
      return await tx`select from members`;
    });
    expect(rows).toHaveLength(0);
  });
});

describe('unique keys', () => {
  const withoutTenant = () => database.owner.sql<{ name: string }[]>`
    select i.indexrelid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indrelid
    where i.indisunique and c.relnamespace = 'public'::regnamespace and not exists (
      select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'
        and a.attnum = any (i.indkey))`;

  it('of tenants contain the tenant', async () => {
    expect(await withoutTenant()).toEqual([]);
  });

  it('that lack it are found', async () => {
    await database.owner.sql`create unique index members_bad on members (email_index)`;
    expect(await withoutTenant()).toEqual([{ name: 'members_bad' }]);
    await database.owner.sql`drop index members_bad`;
  });
});

describe('the planner', () => {
  const mindful = () => database.owner.sql<{ name: string }[]>`
    select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and a.attname = 'tenant_id' and not (a.attstattarget = 0 and exists (
        select from pg_statistic s where s.starelid = c.oid and s.staattnum = a.attnum
          and s.stadistinct = 1 and s.stakind1 = 0))`;

  it('takes every table for all one tenant’s, also after an analysis', async () => {
    await database.owner.sql`analyze`;
    expect(await mindful()).toEqual([]);
  });

  it('is told so whenever migrations run, also of a table that somebody adds', async () => {
    await database.owner.sql`create table careless (tenant_id uuid not null)`;
    expect(await mindful()).toEqual([{ name: 'careless' }]);
    await database.owner.sql.begin(forgetTenants);
    expect(await mindful()).toEqual([]);
    await database.owner.sql`drop table careless`;
  });

  it('keeps its statistics of the keys, which are found by the tenant alone', async () => {
    const url = new URL(database.ownerUrl);
    url.pathname = new URL(database.keysUrl).pathname;
    const keys = openDatabase(url.href, { poolMax: 1, applicationName: 'test-keys-owner' });
    onTestFinished(() => keys.close());
    const [column] = await keys.sql`
      select attstattarget from pg_attribute
      where attrelid = 'wrapped_keys'::regclass and attname = 'tenant_id'`;
    expect(column).toEqual({ attstattarget: null });
  });

  it('never reads a whole table for a tenant where an index will do', async () => {
    const [read, written] = await Promise.all(
      [withTenant, withTenantWrite].map((within) =>
        within(database.app, uuidv7(), (tx) => tx.execute(sql`explain select from members`)),
      ),
    );
    expect(JSON.stringify([...read!])).not.toContain('Seq Scan');
    expect(JSON.stringify([...written!])).not.toContain('Seq Scan');
  });
});

describe('assertAppRole', () => {
  it('accepts the application role', async () => {
    await expect(assertAppRole(database.app)).resolves.toBeUndefined();
  });

  it('refuses a superuser', async () => {
    await expect(assertAppRole(database.owner)).rejects.toThrow(/Refusing to serve/);
  });

  it.each([
    ['one with BYPASSRLS', 'bypassrls', '', /does not bind/],
    ['a member of the owner', '', 'grant steward_owner to $', /owns the tables/],
    ['one that may become it later', '', 'grant steward_owner to $ with inherit false', /owns/],
  ])('refuses %s', async (_, attribute, grant, fault) => {
    const { sql: owner } = database.owner;
    const role = `test_role_${uuidv7().slice(-12)}`;
    await owner.unsafe(`create role ${role} login password 'test' ${attribute}`);
    if (grant) await owner.unsafe(grant.replace('$', role));
    const url = new URL(database.ownerUrl);
    url.username = role;
    url.password = 'test';
    const other = openDatabase(url.href, { poolMax: 1, applicationName: 'test-role' });
    await expect(assertAppRole(other)).rejects.toThrow(fault);
    await other.close();
    await owner.unsafe(`drop role ${role}`);
  });
});
