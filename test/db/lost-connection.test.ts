import { sql } from 'drizzle-orm';
import type { TransactionSql } from 'postgres';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../../db/client.ts';
import { whileAlone } from '../../db/queries/sync/wanted.ts';
import { send } from '../../db/pipeline.ts';
import { settled } from '../../domain/settled.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

/** Long enough for a statement on a busy machine to follow the one before. */
const idleMs = 700;
const lock = 0x6c6f;

let base: TestDatabase;
let pool: Database;
beforeEach(async () => {
  base = await createTestDatabase();
  pool = openPool(base.appUrl);
});
afterEach(async () => {
  await pool.close();
  await base.drop();
});

const openPool = (url: string): Database =>
  openDatabase(url, { poolMax: 1, applicationName: 'test-idle', idleInTransactionMs: idleMs });

const pidOf = async (client: Pick<Database['db'], 'execute'>): Promise<number> =>
  (await client.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`))[0]!.pid;

describe('a session whose process is gone or stands still', () => {
  it('is found by the server, which is told how long to wait for it', async () => {
    const [set] = await base.app.db.execute(sql`
      select current_setting('idle_in_transaction_session_timeout') as idle,
        current_setting('tcp_keepalives_idle')::int as first,
        current_setting('tcp_keepalives_interval')::int as next,
        current_setting('tcp_keepalives_count')::int as count,
        current_setting('tcp_user_timeout') as unconfirmed`);
    expect(set).toEqual({ idle: '1min', first: 30, next: 10, count: 3, unconfirmed: '60000' });
  });

  it('loses its transaction and its locks, and the pool goes on without it', async () => {
    const { promise: silence, resolve: wakeUp } = Promise.withResolvers<void>();
    const late: unknown[] = [];
    const silent = pool.db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(${lock})`);
      await silence;
      late.push(await tx.execute(sql`select 1`).catch((error: unknown) => error));
    });
    const waiting = base.app.db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(${lock})`);
    });
    await expect(silent).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    await waiting;

    // The pool's one connection is opened anew, and what wakes up now knows it as its own.
    const seen = await pool.db.transaction(async (tx) => {
      const ids = [await transactionOf(tx)];
      wakeUp();
      await waitFor(() => late.length > 0, { what: 'what woke up too late', intervalMs: 10 });
      for (let i = 0; i < 3; i += 1) ids.push(await transactionOf(tx));
      return ids;
    });
    expect(late).toEqual([expect.any(Error)]);
    expect(new Set(seen).size).toBe(1);
  });

  it('is ended in the midst of a statement without harm to others', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { promise: begun, resolve: begin } = Promise.withResolvers<number>();
      const broken = pool.db.transaction(async (tx) => {
        begin(await pidOf(tx));
        await tx.execute(sql`select pg_sleep(60)`);
      });
      const ending = begun.then((pid) =>
        base.owner.db.execute(sql`select pg_terminate_backend(${pid})`),
      );
      await expect(broken).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
      await ending;
      // Whoever opens the connection again hears nothing of the old error.
      expect(await pidOf(pool.db)).not.toBe(await begun);
    }
  });

  it('begins no savepoint any more', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<number>();
    const { promise: late, resolve: tellLate } = Promise.withResolvers<unknown>();
    let ran = false;
    const broken = pool.sql.begin(async (tx) => {
      const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
      begin(row!.pid);
      await expect(tx`select pg_sleep(60)`).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
      const nested = tx.savepoint(async () => {
        ran = true;
      });
      tellLate(await nested.catch((error: unknown) => error));
    });
    const ending = begun.then((pid) =>
      base.owner.db.execute(sql`select pg_terminate_backend(${pid})`),
    );
    await expect(broken).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    await ending;
    expect(await late).toMatchObject({ message: expect.stringContaining('has ended') as string });
    expect(ran).toBe(false);
    expect(await pidOf(pool.db)).not.toBe(await begun);
  });

  it('fails what waits behind another statement too', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<number>();
    const { promise: ends, resolve: tellEnds } = Promise.withResolvers<unknown[]>();
    const broken = pool.db.transaction(async (tx) => {
      begin(await pidOf(tx));
      // The types of the first are asked for, and what comes behind it is not sent until then.
      const sent = [60, 0, 0].map((s) => send(tx, sql`select pg_sleep(${s})`));
      tellEnds(await Promise.all(sent.map((each) => settled(each))));
    });
    const ending = begun.then((pid) =>
      base.owner.db.execute(sql`select pg_terminate_backend(${pid})`),
    );
    await expect(broken).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    await ending;
    const failed = { error: expect.any(Error) as Error };
    expect(await ends).toEqual([failed, failed, failed]);
  });

  it('is ended by a network that breaks without harm to others', async () => {
    const url = new URL(base.appUrl);
    const wire = await createTcpProxy(Number(url.port));
    url.port = String(wire.port);
    const far = openPool(url.href);
    const broken = far.db.transaction(async (tx) => {
      await tx.execute(sql`select 1`);
      await Promise.all([tx.execute(sql`select pg_sleep(60)`), wire[Symbol.asyncDispose]()]);
    });
    await expect(broken).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    await far.close();
  });
});

it('what is sent in a transaction that has ended is refused', async () => {
  let over: Pick<Database['db'], 'execute'> | undefined;
  await pool.db.transaction(async (tx) => {
    over = tx;
    await tx.execute(sql`select 1`);
  });
  await expect(over!.execute(sql`select 1`)).rejects.toMatchObject({
    cause: { message: expect.stringContaining('has ended') as string },
  });
  const failed = pool.db.transaction(async (tx) => {
    over = tx;
    await tx.execute(sql`select 1 / 0`);
  });
  await expect(failed).rejects.toMatchObject({ cause: { code: '22012' } });
  await expect(over!.execute(sql`select 1`)).rejects.toThrow('Failed query');
  let ended: TransactionSql | undefined;
  await pool.sql.begin(async (tx) => {
    ended = tx;
    await tx`select 1`;
  });
  await expect(ended!.savepoint(() => 1)).rejects.toThrow('has ended');
  const nested = pool.sql.begin((outer) =>
    outer.savepoint(async (inner) => {
      over = undefined;
      return await inner`select ${inner.unsafe('2')} as two`;
    }),
  );
  expect(await nested).toEqual([{ two: 2 }]);
});

it('work that is done by one process alone may take longer than a transaction may idle', async () => {
  const others = openPool(base.appUrl);
  const alone = await whileAlone(pool, lock, async () => {
    // As long as another transaction takes to be ended for it.
    const idle = others.db.transaction(async (tx) => {
      await tx.execute(sql`select 1`);
      await new Promise(() => undefined);
    });
    await expect(idle).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    expect(await whileAlone(others, lock, async () => undefined)).toBe(false);
  });
  expect(alone).toBe(true);
  expect(await whileAlone(others, lock, async () => undefined)).toBe(true);
  await others.close();
});

async function transactionOf(tx: Pick<Database['db'], 'execute'>): Promise<unknown> {
  return (await tx.execute(sql`select pg_backend_pid(), txid_current()`))[0]!['txid_current'];
}
