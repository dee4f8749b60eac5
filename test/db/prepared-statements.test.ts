import { setImmediate } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../../db/client.ts';
import { withFence } from '../../db/fence.ts';
import { send, together } from '../../db/pipeline.ts';
import { storeMailPage } from '../../db/queries/ingest/store-page.ts';
import { mail, openIngest, type Ingest } from '../support/ingest.ts';

let ingest: Ingest;
/** One connection, whose statements can be counted. */
let single: Database;
beforeAll(async () => {
  ingest = await openIngest();
  single = openDatabase(ingest.base.appUrl, {
    poolMax: 1,
    applicationName: 'test-prepared',
    prepared: true,
  });
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

describe('a table that changes meanwhile', () => {
  const change = (type: string) =>
    ingest.base.owner.sql.unsafe(`alter table public.changing alter number type ${type}`);
  const numberOf = (id: number) =>
    sql`select id, number from public.changing where id = ${id}::int`;
  const echo = (value: number) => sql`select ${value}::int as value`;

  beforeAll(async () => {
    await ingest.base.owner.sql.unsafe(`
      create table public.changing (id int, number int, bytes bytea);
      grant all on public.changing to public;
      insert into public.changing values (1, 10)`);
  });

  it('fails a statement once, and gives no other one its rows', async () => {
    await single.db.execute(numberOf(1));
    await single.db.execute(echo(0));
    await change('bigint');
    const failed = single.db.execute(numberOf(1)).then(String, (error: unknown) => error);
    const echoed: Promise<unknown>[] = [];
    for (let i = 0; i < 200; i += 1) {
      echoed.push(single.db.execute(echo(i)).then(([row]) => row?.['value']));
      await setImmediate();
    }
    expect(await failed).toMatchObject({ cause: { code: '0A000' } });
    expect(await Promise.all(echoed)).toEqual(echoed.map((_, i) => i));
    expect([...(await single.db.execute(numberOf(1)))]).toEqual([{ id: 1, number: '10' }]);
  });

  it('fails a transaction once, whatever else it has sent', async () => {
    const work = () =>
      single.db.transaction(
        async (tx) =>
          await together(
            send(tx, numberOf(1)),
            send(tx, echo(1)),
            send(tx, sql`select ${2}::int8`),
          ),
      );
    await work();
    await change('int');
    await expect(work()).rejects.toMatchObject({ cause: { code: '0A000' } });
    expect(await work()).toMatchObject([[{ number: 10 }], [{ value: 1 }], [{ int8: '2' }]]);
  });

  it('is never given bytes that are encoded twice', async () => {
    const insert = (id: number) => sql`
      insert into public.changing (id, bytes) values (${id}, ${sql.param(Buffer.from('abc'))})`;
    await single.db.execute(insert(2));
    await single.sql.unsafe('deallocate all');
    await expect(single.db.execute(insert(3))).rejects.toMatchObject({ cause: { code: '26000' } });
    await single.db.execute(insert(3));
    const rows = await ingest.base.owner.sql`
      select encode(bytes, 'escape') as text from public.changing where id > 1`;
    expect([...rows]).toEqual([{ text: 'abc' }, { text: 'abc' }]);
  });
});

it('refuses a value that is missing before it reaches what was sent before', async () => {
  const list = (...values: (number | undefined)[]) =>
    sql`select ${sql.param(values)}::int[] as list`;
  await single.db.execute(list(1));
  const outcomes = await single.db.transaction((tx) =>
    Promise.allSettled([send(tx, list(1)), send(tx, list(2)), send(tx, list(3, undefined))]),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect([...(await single.db.execute(list(4)))]).toEqual([{ list: [4] }]);
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
