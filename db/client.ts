import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';

export interface DatabaseOptions {
  /** How many connections this process may hold; the server's own limit is shared by all. */
  poolMax: number;
  /** Shown in `pg_stat_activity`, so that an operator sees who holds a lock. */
  applicationName: string;
  onNotice?: (message: string) => void;
}

/** A pool of connections to one database. */
export interface Database {
  db: PostgresJsDatabase;
  /** The driver below, for what the query builder can't say. */
  sql: postgres.Sql;
  close(): Promise<void>;
}

/** A transaction, as every query function takes it. */
export type Tx = Parameters<Parameters<PostgresJsDatabase['transaction']>[0]>[0];

/** A server that doesn't answer in this time is down; the pool tries again with its own backoff. */
const connectTimeoutSeconds = 10;

/** An idle connection is closed after this time, so that a quiet process holds none. */
const idleTimeoutSeconds = 300;

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
    connection: { application_name: options.applicationName },
    connect_timeout: connectTimeoutSeconds,
    idle_timeout: idleTimeoutSeconds,
    onnotice: (notice) => options.onNotice?.(notice['message'] ?? ''),
  });
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
