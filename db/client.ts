import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import type { Options, Sql } from 'postgres';
import { postgres } from './driver.ts';
import { refuseAfterEnd } from './ended-transactions.ts';

export interface DatabaseOptions {
  /** How many connections this process may hold; the server's own limit is shared by all. */
  poolMax: number;
  /** Shown in `pg_stat_activity`, so that an operator sees who holds a lock. */
  applicationName: string;
  onNotice?: (message: string) => void;
  /** For tests that can't wait for as long. */
  idleInTransactionMs?: number;
}

/** A pool of connections to one database. */
export interface Database {
  db: PostgresJsDatabase;
  /** The driver below, for what the query builder can't say. */
  sql: Sql;
  close(): Promise<void>;
}

/** A transaction, as every query function takes it. */
export type Tx = Parameters<Parameters<PostgresJsDatabase['transaction']>[0]>[0];

/** A server that doesn't answer in this time is down; the pool tries again with its own backoff. */
const connectTimeoutSeconds = 10;

/**
 * How long a connection that was lost waits before it is opened again; half of it is chance. The driver
 * counts the losses of a whole pool: its own wait, which triples with each, is up to 20 seconds for most
 * of a pool whose server dies, however soon that is back.
 */
const reconnectSeconds = (losses: number): number =>
  Math.min(0.01 * 3 ** losses, reconnectSecondsMax) * (0.5 + Math.random() / 2);

/** A server is back within seconds; to one that isn't, a connection a second does no harm. */
const reconnectSecondsMax = 1;

/** An idle connection is closed after this time, so that a quiet process holds none. */
const idleTimeoutSeconds = 300;

/**
 * A transaction that asks nothing for so long is ended by the server: nobody here thinks inside of one,
 * so its process stands still or is gone, and the tenant's other pages wait for its locks.
 */
const idleInTransactionMsMax = 60_000;

/**
 * How the server finds that a process has vanished with its host or its network, without a word: by
 * itself it would ask for the first time after two hours. A silent connection is asked after 30 seconds
 * and then every ten; one that leaves three questions, or an answer of ours, unconfirmed is closed. A
 * network that is repaired within a minute is not noticed.
 */
const keepAlive = {
  tcp_keepalives_idle: 30,
  tcp_keepalives_interval: 10,
  tcp_keepalives_count: 3,
  tcp_user_timeout: 60_000,
};

/** What every session of ours is opened with, at the server. */
export function sessionSettings(
  applicationName: string,
  idleInTransactionMs = idleInTransactionMsMax,
): NonNullable<Options<Record<string, never>>['connection']> {
  return {
    application_name: applicationName,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    ...keepAlive,
  };
}

/** How long `close` waits for running queries before it cuts them off. */
const closeTimeoutSeconds = 5;

/**
 * Opens a pool; connections are made when they are first needed. In raw SQL, instants travel as
 * ISO text in both directions, and lists as `sql.param([…])` with a cast to the array's type;
 * lists of booleans as `'true'` and `'false'`, because the driver types a list by its first element.
 */
export function openDatabase(url: string, options: DatabaseOptions): Database {
  const sql = postgres(url, {
    max: options.poolMax,
    connection: sessionSettings(options.applicationName, options.idleInTransactionMs),
    connect_timeout: connectTimeoutSeconds,
    idle_timeout: idleTimeoutSeconds,
    backoff: reconnectSeconds,
    onnotice: (notice) => options.onNotice?.(notice['message'] ?? ''),
  });
  refuseAfterEnd(sql);
  const db = drizzle(sql);
  for (const oid of arraysOfInstants) {
    // The query builder makes these pass through unserialised; the driver then learns them itself.
    Reflect.deleteProperty(sql.options.parsers, oid);
    Reflect.deleteProperty(sql.options.serializers, oid);
  }
  // The driver's own turns every text into false, without a word.
  sql.options.serializers[booleanType] = (value: unknown) =>
    value === true || value === 't' || value === 'true' ? 't' : 'f';
  return { db, sql, close: () => sql.end({ timeout: closeTimeoutSeconds }) };
}

/** Type number of `boolean`. */
const booleanType = 16;

/** Type numbers of `timestamp[]`, `date[]`, `timestamptz[]` and `numeric[]`. */
const arraysOfInstants = [1115, 1182, 1185, 1231];
