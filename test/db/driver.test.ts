import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Sql } from 'postgres';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { mendedConnection } from '../../db/driver-repair.ts';
import { postgres } from '../../db/driver.ts';
import { waitFor } from '../support/wait-for.ts';

/** From 1,024 bytes on the driver writes at once; less waits for the event loop's next turn. */
const long = 'x'.repeat(2_000);

let sql: Sql;
/** The newest connection's. */
let socket: Socket;
/** How many losses the driver counted as it was asked for the time to wait. */
let losses: number[];
/** What is done to a new connection before it is used. */
let prepare: (fresh: Socket) => void;

beforeEach(() => {
  losses = [];
  prepare = () => undefined;
  sql = openPool(Number(new URL(inject('postgresUrl')).port));
});
afterEach(() => sql.end({ timeout: 0 }));

/** A pool of one connection, whose socket is at hand. */
function openPool(port: number, fetchTypes = false): Sql {
  const counted = losses;
  const options = {
    max: 1,
    connect_timeout: 2,
    fetch_types: fetchTypes,
    backoff: (lost: number) => {
      counted.push(lost);
      return 0;
    },
    onnotice: () => undefined,
    // Stands in no declaration of the driver.
    socket: async (): Promise<Socket> => {
      socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      prepare(socket);
      return socket;
    },
  };
  return postgres(inject('postgresUrl'), options);
}

const reset = () =>
  Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });

const closedError = { code: 'CONNECTION_CLOSED' };

/** Every answer of a connection that is sent several statements belongs to its question. */
async function expectOrder(): Promise<void> {
  const values = ['a', 'b', long, 'c', 'd'];
  const rows = await Promise.all(
    values.map((value) => sql.unsafe<{ echo: string }[]>('select $1::text as echo', [value])),
  );
  expect(rows.map(([row]) => row?.echo)).toEqual(values);
}

describe('a connection that is lost', () => {
  it.each(['just before', 'just after'])(
    'is opened again when a statement came %s',
    { timeout: 15_000 },
    async (when) => {
      await sql`select 1`;
      const lost = socket;
      await nextTurn();
      if (when === 'just after') lost.destroy();
      const statement = sql`select 1`.execute();
      // The driver sends it in the turn after this one; the socket is closed at the end of this one.
      await Promise.resolve();
      await Promise.resolve();
      if (when === 'just before') lost.destroy();
      await expect(statement).rejects.toMatchObject(closedError);
      await expectOrder();
    },
  );

  it('answers nothing that came between its error and its end', { timeout: 15_000 }, async () => {
    await sql`select 1`;
    const { promise: late, resolve: tell } =
      Promise.withResolvers<PromiseSettledResult<unknown>[]>();
    socket.once('error', () => {
      const transaction = sql.begin((tx) => tx`select 1`);
      tell(Promise.allSettled([transaction, sql`select 'late'`.execute()]));
    });
    const during = sql`select pg_sleep(60)`.execute();
    await nextTurn();
    socket.destroy(reset());
    await expect(during).rejects.toMatchObject({ code: 'ECONNRESET' });
    const [begun] = await late;
    expect(begun).toMatchObject({ status: 'rejected', reason: closedError });
    await expectOrder();
  });

  it('leaves no error and no rows to the next one', async () => {
    const other = postgres(inject('postgresUrl'), { max: 1, onnotice: () => undefined });
    const [{ pid } = { pid: 0 }] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
    const sleeping = () =>
      waitFor(async () => {
        const found = await other`
          select from pg_stat_activity where pid = ${pid} and wait_event = 'PgSleep'`;
        return found.length > 0;
      });
    const rows = sql`select n, pg_sleep(case n when 3 then 60 else 0 end), repeat('x', 9000)
      from generate_series(1, 3) n`;
    await Promise.all([
      expect(rows).rejects.toMatchObject(closedError),
      expect(sql`select 'behind it'`).rejects.toMatchObject(closedError),
      sleeping().then(() => other`select pg_terminate_backend(${pid})`),
    ]);
    expect(await sql`select 'mine' as whose`).toEqual([{ whose: 'mine' }]);
    await expectOrder();
    await other.end();
  });

  it('refuses what its transaction still sends, and stays of use to the pool', async () => {
    const { promise: late, resolve: tell } = Promise.withResolvers<unknown>();
    const broken = sql.begin(async (tx) => {
      await tx`select 1`;
      const lost = once(socket, 'close');
      socket.destroy();
      await lost;
      tell(await tx`select 1`.catch((error: unknown) => error));
      throw new Error('The driver asks for a ROLLBACK now.');
    });
    await expect(broken).rejects.toMatchObject(closedError);
    expect(await late).toMatchObject(closedError);
    await nextTurn();
    await expectOrder();
  });

  it('lets a pool end that waits for it', { timeout: 15_000 }, async () => {
    await sql`select 1`;
    const statement = sql`select pg_sleep(60)`.execute();
    await nextTurn();
    const ended = sql.end();
    await nextTurn();
    socket.destroy();
    await expect(statement).rejects.toMatchObject(closedError);
    expect(await ended).toBeUndefined();
  });
});

it('a statement with a value that is missing fails by itself', { timeout: 15_000 }, async () => {
  await sql`select 1`;
  const missing = () => sql.unsafe('select $1::text', [undefined as never]);
  const outcomes = await Promise.allSettled([
    sql`select 'before' as echo`,
    missing(),
    sql`select 'behind' as echo`,
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(outcomes).toMatchObject([
    { value: [{ echo: 'before' }] },
    { reason: { code: 'UNDEFINED_VALUE' } },
    { value: [{ echo: 'behind' }] },
  ]);
  await expect(missing()).rejects.toMatchObject({ code: 'UNDEFINED_VALUE' });
  await expectOrder();
});

describe('a connection that is not ready yet', () => {
  it(
    'fails the query that waits for it when the server hangs up',
    { timeout: 15_000 },
    async () => {
      let connections = 0;
      const server = createServer((client) => {
        connections += 1;
        client.on('error', () => client.destroy());
        client.once('data', () => client.end());
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const pool = openPool((server.address() as { port: number }).port);
      await expect(pool`select 1`).rejects.toMatchObject(closedError);
      expect(connections).toBe(1);
      await expect(pool`select 1`).rejects.toMatchObject(closedError);
      expect(connections).toBe(2);
      expect(losses).toEqual([1, 2]);
      await pool.end();
      server.close();
    },
  );

  it('tries each of several servers once', { timeout: 15_000 }, async () => {
    const url = new URL(inject('postgresUrl'));
    // Nobody listens on the first port.
    const first = '127.0.0.1:1';
    const list = (...hosts: string[]) => url.href.replace(url.host, hosts.join());
    const found = postgres(list(first, url.host), { max: 1 });
    expect(await found`select 1 as one`).toEqual([{ one: 1 }]);
    await found.end();
    const lost = postgres(list(first, first), { max: 1 });
    await expect(lost`select 1`).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await lost.end();
  });

  it.each(['error', 'end'])('fails it too when its types are asked for: %s', async (how) => {
    let cuts = 0;
    prepare = (fresh) => {
      const { write } = fresh;
      fresh.write = (data: Uint8Array, ...rest: never[]) => {
        if (cuts > 0 || !Buffer.from(data).includes('pg_type'))
          return write.call(fresh, data, ...rest);
        cuts += 1;
        fresh.destroy(how === 'error' ? reset() : undefined);
        return false;
      };
    };
    const pool = openPool(Number(new URL(inject('postgresUrl')).port), true);
    await expect(pool`select 1`).rejects.toMatchObject({
      code: how === 'error' ? 'ECONNRESET' : 'CONNECTION_CLOSED',
    });
    expect(cuts).toBe(1);
    expect(await pool`select ${['a', 'b']}::text[] as list`).toEqual([{ list: ['a', 'b'] }]);
    await pool.end();
  });
});

it.each([
  ['before', ['postgres', './db/driver.ts']],
  ['after', ['./db/driver.ts', 'postgres']],
])('does not matter to somebody who loads the driver %s, nor he to it', async (_when, order) => {
  const loads = order.map((name) => `const [m${order.indexOf(name)}] = [await import('${name}')];`);
  const compare = 'console.log((m0.default ?? m0.postgres) !== (m1.default ?? m1.postgres));';
  const script = [...loads, compare].join('\n');
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  expect((await run).stdout.trim()).toBe('true');
});

it('a driver that is not the one that was mended is refused', () => {
  const source = readFileSync('node_modules/postgres/src/connection.js', 'utf8');
  expect(mendedConnection(source)).toContain('mended');
  expect(() => mendedConnection(source.replace('if (initial)', 'if (!initial)'))).toThrow(
    'Install the version of package-lock.json',
  );
});
