import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemTenantId, uuidv7 } from '../../domain/ids.ts';
import { sweepRequests } from '../../worker/sweep-requests.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestKeyring } from '../support/keys.ts';
import { waitFor } from '../support/wait-for.ts';
import { startTestWorker } from '../support/worker.ts';

/** More than are deleted in one transaction. */
const many = 1_001;

const [resting, ended] = [uuidv7(), uuidv7()];

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.owner.sql`
    insert into directory.tenants (id, name, state)
    values (${resting}, 'Resting', 'active'), (${ended}, 'Ended', 'ended')`;
});
afterAll(() => database.drop());

const sweep = async (stopping = new AbortController().signal) =>
  await sweepRequests(database.app, stopping);

const put = async (tenantId: string, count: number, hours: number) =>
  await database.owner.sql`
  insert into idempotency_keys (tenant_id, id, request_hash, status, response, created_at)
  select ${tenantId}, gen_random_uuid(), 'hash', 201, 'sealed',
    now() - make_interval(hours => ${hours}) from generate_series(1, ${count}::integer)`;

const left = async () => {
  const rows = await database.owner.sql<{ tenant: string; count: number }[]>`
    select tenant_id as tenant, count(*)::int as count from idempotency_keys group by tenant_id`;
  return Object.fromEntries(rows.map(({ tenant, count }) => [tenant, count]));
};

describe('answers that were kept for an Idempotency-Key', () => {
  beforeEach(async () => {
    await database.owner.sql`delete from idempotency_keys`;
    await put(systemTenantId, 2, 25);
    await put(systemTenantId, 1, 23);
    await put(resting, many, 25);
    await put(resting, 3, 23);
    await put(ended, 2, 90 * 24);
  });
  const young = { [systemTenantId]: 1, [resting]: 3 };

  it('are gone after a day, of every tenant and of the installation', async () => {
    expect(await sweep()).toBe(2 + many + 2);
    expect(await left()).toEqual(young);
    expect(await sweep()).toBe(0);
  });

  it('wait for another worker when this one is told to stop', async () => {
    expect(await sweep(AbortSignal.abort())).toBe(2);
    expect(await left()).toMatchObject({ [resting]: many + 3, [ended]: 2 });
  });

  it('are left to one worker of many', async () => {
    const counts = await Promise.all([1, 2, 3].map(() => sweep()));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2 + many + 2);
    expect(await left()).toEqual(young);
  });

  it('are swept by a worker that has nothing else to do', async () => {
    await using worker = await startTestWorker(database.app, createTestKeyring(database.keys));
    const swept = async () => {
      expect(await left()).toEqual(young);
      return true;
    };
    await waitFor(swept, { what: `the sweep of ${worker.namespace}` });
  });
});
