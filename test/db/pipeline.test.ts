import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { send, together } from '../../db/pipeline.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('runs what is sent in the order of its sending, prepared before or not', async () => {
  const values = Array.from({ length: 60 }, (_, i) => i);
  const seen = await database.app.db.transaction(async (tx) => {
    await tx.execute(sql`create temp table seen (at serial, value int) on commit drop`);
    const sent = values.map((value) =>
      // Every third has a text of its own: its types are asked for before it is run.
      value % 3 === 0
        ? send(tx, sql`insert into seen (value) values (${value} + ${sql.raw(String(value))} * 0)`)
        : send(tx, sql`insert into seen (value) values (${value})`),
    );
    await together(...sent);
    return await tx.execute<{ value: number }>(sql`select value from seen order by at`);
  });
  expect(seen.map(({ value }) => value)).toEqual(values);
});

it('tells what broke the transaction, not what failed because it was broken', async () => {
  const broken = database.app.db.transaction((tx) =>
    together(send(tx, sql`select 1`), send(tx, sql`select 1 / ${0}::int`), send(tx, sql`select 2`)),
  );
  await expect(broken).rejects.toMatchObject({ cause: { code: '22012' } });
});

it('waits for what goes on when something fails, so that nothing is sent after the end', async () => {
  const steps: string[] = [];
  const goesOn = async (step: () => Promise<unknown>): Promise<void> => {
    for (let i = 0; i < 5; i += 1) {
      await step();
      steps.push(`step ${i}`);
    }
  };
  const ended = database.app.db
    .transaction((tx) =>
      together(
        Promise.reject(new Error('ours')),
        goesOn(() => tx.execute(sql`select pg_sleep(0.01)`)),
      ),
    )
    .catch((error: unknown) => steps.push(String(error)));
  await ended;
  expect(steps).toEqual([...[0, 1, 2, 3, 4].map((i) => `step ${i}`), 'Error: ours']);
});
