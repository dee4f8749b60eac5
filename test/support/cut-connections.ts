import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { openDatabase, type Database, type Tx } from '../../db/client.ts';
import { send, together } from '../../db/pipeline.ts';
import { settled } from '../../domain/settled.ts';
import { createTcpProxy, type TcpProxy } from './tcp-proxy.ts';

export interface CutOptions {
  /** A database's, on this machine. */
  url: string;
  seconds: number;
  /** Statements of the driver itself that are prepared, instead of the query builder's. */
  prepared?: boolean;
  /** Longer than the pool waits before it connects again. */
  settleMsMax: number;
}

export interface CutReport {
  cuts: number;
  answered: number;
  /** Failed, as they may where a connection is cut. */
  failed: number;
  /** Neither answered nor failed in time. */
  hung: number;
  slowestMs: number;
  /** Statements that have neither been answered nor failed at the end, whoever has heard of that. */
  waiting: number;
  /** Answers to another question, and statements of a transaction that ran outside of it. */
  mixedUp: number;
  /** Of those that came when nothing was cut any more: they did not get through. */
  lastLost: number;
}

interface Echo extends Record<string, unknown> {
  echo: string;
  xid: string;
}

/** Asks for a value back; above 1,024 bytes the driver sends it at once. */
type Ask = (value: string) => Promise<Echo[]>;

const workers = 6;
const poolMax = 6;
const burstMax = 5;
const cutEveryMsMax = 25;

const nothingYet: Readonly<CutReport> = {
  cuts: 0,
  answered: 0,
  failed: 0,
  hung: 0,
  slowestMs: 0,
  waiting: 0,
  mixedUp: 0,
  lastLost: 0,
};

/** A pool is asked for values, in transactions and outside, while its connections are cut at random. */
export async function cutConnections(options: CutOptions): Promise<CutReport> {
  const { settleMsMax, seconds, prepared = false } = options;
  const url = new URL(options.url);
  await using wire = await createTcpProxy(Number(url.port));
  url.port = String(wire.port);
  const database = openDatabase(url.href, { poolMax, applicationName: 'test-cut' });
  const report = { ...nothingYet };
  const client = prepared ? preparing(database) : building(database);
  const over = new AbortController();

  /** Asks for a value, and says in which transaction it was answered. */
  const asking = (ask: Ask) => async (): Promise<string> => {
    const value = randomBytes(8).toString('hex') + padding();
    report.waiting += 1;
    const [row] = await ask(value).finally(() => (report.waiting -= 1));
    if (row?.echo !== value) report.mixedUp += 1;
    return row?.xid ?? '';
  };

  const plain = () => {
    const next = asking(client.ask);
    return together(...Array.from({ length: 1 + Math.random() * burstMax }, next));
  };

  const transaction = () =>
    client.transaction(async (ask) => {
      const next = asking(ask);
      const ids = [await next()];
      for (let i = 0; i < 3; i += 1) ids.push(...(await together(next(), next(), next())));
      if (new Set(ids).size > 1) report.mixedUp += 1;
    });

  async function count(work: () => Promise<unknown>): Promise<void> {
    const started = performance.now();
    const timeout = new AbortController();
    const late = delay(settleMsMax, undefined, { signal: timeout.signal });
    const outcome = await Promise.race([settled(work()), settled(late).then(() => undefined)]);
    timeout.abort();
    report.slowestMs = Math.max(report.slowestMs, performance.now() - started);
    if (outcome === undefined) report.hung += 1;
    else if ('error' in outcome) report.failed += 1;
    else report.answered += 1;
  }

  async function keepAsking(): Promise<void> {
    while (!over.signal.aborted) {
      await count(Math.random() < 0.5 ? transaction : plain);
      // Some come in the phases of the event loop in which sockets are closed.
      if (Math.random() < 0.3) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  const working = Array.from({ length: workers }, keepAsking);
  report.cuts = await cutAtRandom(wire, seconds);
  over.abort();
  await Promise.all(working);
  const round = () =>
    Promise.all(Array.from({ length: workers }, () => [count(plain), count(transaction)]).flat());
  // The pool may learn of the last cuts by these.
  await round();
  const before = report.answered;
  await round();
  report.lastLost = 2 * workers - (report.answered - before);
  await database.close();
  return report;
}

/** Cuts some or all connections at a time, one way or the other. Returns how many it were. */
async function cutAtRandom(wire: TcpProxy, seconds: number): Promise<number> {
  const end = performance.now() + seconds * 1_000;
  let cuts = 0;
  while (performance.now() < end) {
    await delay(Math.random() * cutEveryMsMax);
    const share = Math.random() < 0.3 ? 1 : Math.random();
    cuts += wire.cut(Math.random() < 0.5 ? 'reset' : 'end', share);
  }
  return cuts;
}

interface Client {
  ask: Ask;
  transaction(work: (ask: Ask) => Promise<void>): Promise<void>;
}

/** Small statements wait for the event loop's next turn. */
const padding = () => 'x'.repeat(Math.random() < 0.5 ? 10 : 1_500);

/** Several such statements are sent to one connection without waiting; of others, only in a transaction. */
const literal = (value: string) => sql.raw(`'${value}'`);

function building({ db }: Database): Client {
  const on =
    (tx: Pick<Tx, 'execute'>): Ask =>
    (value) => {
      const bound = Math.random() < 0.5 ? sql`${value}` : literal(value);
      return send<Echo>(tx, sql`select ${bound}::text as echo, txid_current()::text as xid`);
    };
  return { ask: on(db), transaction: (work) => db.transaction((tx) => work(on(tx))) };
}

function preparing({ sql: driver }: Database): Client {
  const text = (bound: string) => `select ${bound}::text as echo, txid_current()::text as xid`;
  const on =
    (client: Pick<Database['sql'], 'unsafe'>): Ask =>
    async (value) =>
      Math.random() < 0.5
        ? await client.unsafe<Echo[]>(text('$1'), [value], { prepare: true })
        : await client.unsafe<Echo[]>(text(`'${value}'`));
  return {
    ask: on(driver),
    transaction: async (work) => {
      await driver.begin((tx) => work(on(tx)));
    },
  };
}
