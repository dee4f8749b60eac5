import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Tx } from '../../db/client.ts';
import { readLicence, withFence, type FoundLicence, type Licence } from '../../db/fence.ts';
import { insertTenant } from '../../db/queries/tenants.ts';
import { withTenant, withTenantWrite, withTransition } from '../../db/tenant.ts';
import { FencedError } from '../../domain/failure.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

let database: TestDatabase;
let licence: FoundLicence;
beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  licence = await createLicence();
});
afterAll(() => database.drop());

async function createLicence(): Promise<FoundLicence> {
  const [tenantId, connectionId] = [uuidv7(), uuidv7()];
  await insertTenant(database.app.db, { id: tenantId, name: 'A customer', region: null });
  await database.app.sql`
    insert into directory.connections (id, capability, tenant_id, provider)
    values (${connectionId}, 'mail', ${tenantId}, 'imap')`;
  return (await readLicence(database.app.db, { tenantId, connectionId, capability: 'mail' }))!;
}

const writeRow = async (tx: Tx, { tenantId, connectionId }: Licence) => {
  await tx.execute(sql`
    insert into labels (tenant_id, connection_id, id, name)
    values (${tenantId}, ${connectionId}, gen_random_uuid(), 'sealed')`);
};

const raiseGeneration = (tx: Tx) =>
  tx.execute(sql`
    update directory.connections set generation = generation + 1 where id = ${licence.connectionId}`);

const countRows = () =>
  withTenant(database.app, licence.tenantId, async (tx) => {
    const rows = await tx.execute(sql`select from labels where tenant_id = ${licence.tenantId}`);
    return rows.length;
  });

describe('a licence', () => {
  it('lets work write, and says what is wanted', async () => {
    const wanted = await withFence(database.app, licence, async (tx, now) => {
      await writeRow(tx, licence);
      return now;
    });
    expect(wanted).toBe('run');
    expect(await countRows()).toBe(1);
  });

  it('ends with a new generation of the connection', async () => {
    await withTransition(database.app, licence.tenantId, raiseGeneration);
    await expect(withFence(database.app, licence, writeRowOf)).rejects.toThrow(FencedError);
    expect(await countRows()).toBe(0);
    const renewed = (await readLicence(database.app.db, licence))!;
    expect(renewed.generation).toBe(licence.generation + 1);
    await withFence(database.app, renewed, writeRowOf);
    expect(await countRows()).toBe(1);
  });

  it.each([
    ['a new epoch of the tenant', sql`epoch = epoch + 1`],
    ['the state of the tenant', sql`state = 'grace'`],
  ])('ends with %s', async (_, change) => {
    await withTransition(database.app, licence.tenantId, (tx) =>
      tx.execute(sql`update directory.tenants set ${change} where id = ${licence.tenantId}`),
    );
    await expect(withFence(database.app, licence, writeRowOf)).rejects.toThrow(FencedError);
  });

  it('is worth nothing under another tenant or for another capability', async () => {
    const other = await createLicence();
    const stolen = { ...licence, tenantId: other.tenantId };
    await expect(withFence(database.app, stolen, writeRowOf)).rejects.toThrow(FencedError);
    const widened = { ...licence, capability: 'files' as const };
    await expect(withFence(database.app, widened, writeRowOf)).rejects.toThrow(FencedError);
    expect(await readLicence(database.app.db, stolen)).toBeUndefined();
  });

  it('undoes the whole transaction when work throws', async () => {
    const failed = withFence(database.app, licence, async (tx) => {
      await writeRow(tx, licence);
      throw new Error('half-way');
    });
    await expect(failed).rejects.toThrow('half-way');
    expect(await countRows()).toBe(0);
  });
});

describe('the trigger behind the fence', () => {
  const tables = [
    'messages',
    'placements',
    'participants',
    'thread_references',
    'tombstones',
    'skips',
    'labels',
    'collections',
    'folders',
    'reconciliations',
  ];

  it.each(tables)('refuses to change %s without a licence', async (table) => {
    for (const statement of [
      `update ${table} set connection_id = connection_id`,
      `delete from ${table}`,
      `insert into ${table} select * from ${table}`,
    ]) {
      const writing = withTenantWrite(database.app, licence.tenantId, (tx) =>
        tx.execute(sql.raw(statement)),
      );
      await expect(writing).rejects.toMatchObject({ cause: { code: 'SF001' } });
    }
  });

  it('lets people ask without a licence, and nobody finish or erase what they asked', async () => {
    const { tenantId, connectionId } = licence;
    const run = (statement: ReturnType<typeof sql>) =>
      withTenantWrite(database.app, tenantId, (tx) => tx.execute(statement));
    await run(sql`
      insert into intents (tenant_id, connection_id, id, member_id, kind)
      values (${tenantId}, ${connectionId}, gen_random_uuid(), gen_random_uuid(), 'flags')`);
    for (const statement of [sql`update intents set state = 'done'`, sql`delete from intents`]) {
      await expect(run(statement)).rejects.toMatchObject({ cause: { code: 'SF001' } });
    }
    expect(await run(sql`select from intents where state = 'pending'`)).toHaveLength(1);
  });

  const writeUnder = (fence: string) =>
    withTenantWrite(database.app, licence.tenantId, async (tx) => {
      await tx.execute(sql`select set_config('steward.fence', ${fence}, true)`);
      await writeRow(tx, licence);
    });

  it('refuses a stale or foreign licence, however the transaction came by it', async () => {
    const { connectionId, generation, epoch } = licence;
    const other = await createLicence();
    await writeUnder(`${connectionId}:${generation}:${epoch}:mail`);
    for (const fence of [
      `${connectionId}:${generation + 1}:${epoch}:mail`,
      `${connectionId}:${generation}:${epoch + 1}:mail`,
      `${connectionId}:${generation}:${epoch}:files`,
      `${connectionId}:${generation}:${epoch}`,
      `${other.connectionId}:${other.generation}:${other.epoch}:mail`,
    ]) {
      await expect(writeUnder(fence)).rejects.toMatchObject({ cause: { code: 'SF001' } });
    }
    expect(await countRows()).toBe(1);
  });

  it('stops a transaction whose licence ends in the middle, without any lock', async () => {
    const writing = withFence(database.app, licence, async (tx) => {
      await writeRow(tx, licence);
      // Somebody repairs by hand and takes no lock.
      await database.owner.sql`
        update directory.connections set generation = generation + 1
        where id = ${licence.connectionId}`;
      await writeRow(tx, licence);
    });
    await expect(writing).rejects.toThrow(FencedError);
    expect(await countRows()).toBe(0);
  });

  it('runs once a statement, not once a row', async () => {
    const rows = await database.owner.sql`
      select c.relname as name from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where t.tgname = 'fence' and t.tgenabled = 'O' and t.tgtype & 1 = 0
        and t.tgtype & 28 = 28 and t.tgtype & 2 = 2`;
    expect(rows.map((row) => String(row['name'])).toSorted()).toEqual(tables.toSorted());
  });
});

describe('a transition', () => {
  it('waits for running writers and keeps new ones out until it commits', async () => {
    const order: string[] = [];
    const writer = gate();
    const transition = gate();
    const writing = withFence(database.app, licence, async (tx) => {
      await writeRow(tx, licence);
      writer.entered();
      await writer.opened;
      order.push('writer ends');
    });
    await writer.waiting;
    const moving = withTransition(database.app, licence.tenantId, async (tx) => {
      order.push('transition runs');
      await raiseGeneration(tx);
      transition.entered();
      await transition.opened;
    });
    await waitForLockWaiters(1);
    expect(order).toEqual([]);
    writer.open();
    await transition.waiting;
    const late = Promise.allSettled([withFence(database.app, licence, writeRowOf)]);
    await waitForLockWaiters(1);
    transition.open();
    await Promise.all([writing, moving]);
    expect(await late).toMatchObject([{ status: 'rejected', reason: expect.any(FencedError) }]);
    expect(order).toEqual(['writer ends', 'transition runs']);
    expect(await countRows()).toBe(1);
  });

  it('does not wait for other tenants, and writers do not wait for each other', async () => {
    const other = await createLicence();
    await withFence(database.app, licence, async () => {
      await withFence(database.app, licence, (tx) => writeRow(tx, licence));
      await withTransition(database.app, other.tenantId, async (tx) => {
        await tx.execute(sql`select 1`);
      });
    });
    expect(await countRows()).toBe(1);
  });
});

const writeRowOf = (tx: Tx) => writeRow(tx, licence);

async function waitForLockWaiters(count: number): Promise<void> {
  await waitFor(
    async () => {
      const rows = await database.owner.sql`
        select from pg_locks where locktype = 'advisory' and not granted
          and database = (select oid from pg_database where datname = current_database())`;
      return rows.length === count;
    },
    { what: `${count} transactions that wait for the tenant's lock` },
  );
}

/** Two promises with their ends: somebody has entered, and may go on. */
function gate() {
  const entry = Promise.withResolvers<void>();
  const exit = Promise.withResolvers<void>();
  return {
    entered: entry.resolve,
    waiting: entry.promise,
    open: exit.resolve,
    opened: exit.promise,
  };
}
