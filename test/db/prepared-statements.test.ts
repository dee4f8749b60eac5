import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDatabase, type Database } from '../../db/client.ts';
import { withFence } from '../../db/fence.ts';
import { storeMailPage } from '../../db/queries/ingest/store-page.ts';
import { mail, openIngest, type Ingest } from '../support/ingest.ts';

let ingest: Ingest;
/** One connection, whose statements can be counted. */
let single: Database;
beforeAll(async () => {
  ingest = await openIngest();
  single = openDatabase(ingest.base.appUrl, { poolMax: 1, applicationName: 'test-prepared' });
});
afterAll(async () => {
  await single.close();
  await ingest.base.drop();
});

interface Prepared extends Record<string, unknown> {
  statement: string;
  custom: number;
  generic: number;
}

/** What the connection has prepared, but for what the driver says by itself, without parameters. */
async function preparedNow(): Promise<Prepared[]> {
  return await single.sql<Prepared[]>`
    select statement, custom_plans::int as custom, generic_plans::int as generic
    from pg_prepared_statements where parameter_types <> '{}'`;
}

it('asks for the types of a statement once a connection, and plans it each time', async () => {
  const double = sql`select ${21}::int * 2 as answer`;
  for (let i = 0; i < 8; i += 1) await single.db.execute(double);
  await single.db.transaction(async (tx) => {
    await tx.execute(double);
    await tx.transaction((inner) => inner.execute(double));
  });
  const text = 'select $1::int * 2 as answer';
  expect(await preparedNow()).toEqual([{ statement: text, custom: 10, generic: 0 }]);
});

it('goes on with a statement that was refused', async () => {
  const divide = (by: number) => sql`select 84 / ${by}::int as answer`;
  await expect(single.db.execute(divide(0))).rejects.toMatchObject({ cause: { code: '22012' } });
  const broken = single.db.transaction(async (tx) => {
    await tx.execute(divide(0)).catch(() => undefined);
    // Sent into a transaction that is broken: not even its types are told.
    await tx.execute(sql`select ${'late'}::text as answer`);
  });
  await expect(broken).rejects.toMatchObject({ cause: { code: '25P02' } });
  expect([...(await single.db.execute(divide(2)))]).toEqual([{ answer: 42 }]);
  const [row] = await single.db.execute(sql`select ${'late'}::text as answer`);
  expect(row).toEqual({ answer: 'late' });
});

it('prepares no more for a large page than for a small one, so that there is an end to it', async () => {
  const folderId = await ingest.makeFolder();
  const store = async (from: number, count: number): Promise<number> => {
    const messages = Array.from({ length: count }, (_, i) =>
      mail(from + i, `<${from + i}@example.com>`),
    );
    const { live } = await ingest.cursorsOf(folderId);
    const page = ingest.pageOf(folderId, messages, { from: live });
    const { licence } = ingest;
    await withFence(single, licence, (tx) => storeMailPage(tx, licence, page));
    return (await preparedNow()).length;
  };
  await store(1, 3);
  const after = await store(10, 5);
  expect(await store(100, 90)).toBe(after);
  expect(await store(300, 1)).toBe(after);
});
