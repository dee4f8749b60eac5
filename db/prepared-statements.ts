import type postgres from 'postgres';

type Client = postgres.Sql | postgres.TransactionSql;
type Unsafe = postgres.Sql['unsafe'];
type Work = (client: postgres.TransactionSql) => unknown;
type Nesting = (...args: [Work] | [string, Work]) => Promise<unknown>;

/**
 * Makes a pool prepare the statements that the query builder hands to it: a connection asks for a
 * statement's types once, instead of waiting for them, and holding back what comes behind, each time.
 * The driver keeps what it has prepared for as long as the connection lasts, so the number of different
 * texts has to be bounded: lists travel as one parameter, never as text of their own length.
 */
export function prepareStatements(sql: postgres.Sql): void {
  const begin = sql.begin.bind(sql) as unknown as Nesting;
  Object.assign(sql, { unsafe: preparing(sql), begin: nesting(begin) });
}

/** A statement without parameters goes as it is: such a one may be several. */
function preparing(client: Client): Unsafe {
  const { unsafe } = client;
  return ((text: string, args: never[] = [], options: object = {}) => {
    requireValues(args);
    return saidOnce(unsafe(text, args, { ...options, prepare: args.length > 0 }));
  }) as Unsafe;
}

/**
 * The driver would find a missing value when the statement's turn has come, then fail the statement
 * before it on the connection, and wait without end for an answer to this one.
 */
function requireValues(args: readonly unknown[]): void {
  const lists = args.filter((arg) => Array.isArray(arg));
  if (![args, ...lists].some((values) => values.includes(undefined))) return;
  throw new TypeError('A statement has a parameter without a value.');
}

/**
 * A prepared statement that the server no longer takes, since a table has changed, fails; the next one
 * is prepared anew. The driver would say it again at once: behind others that are under way, so that
 * each may get the other's rows, and with its bytes encoded twice.
 */
function saidOnce<T extends object>(statement: T): T {
  return Object.defineProperty(statement, 'retried', {
    set(this: Retried, error: Error) {
      this.cancelled = true;
      this.reject(error);
    },
  });
}

/** What the driver does not send is cancelled. */
interface Retried {
  cancelled: unknown;
  reject: (error: Error) => void;
}

function nesting(begin: Nesting): Nesting {
  return (...args) =>
    args.length === 1
      ? begin((client) => args[0](prepared(client)))
      : begin(args[0], (client) => args[1](prepared(client)));
}

function prepared(client: postgres.TransactionSql): postgres.TransactionSql {
  const own = {
    unsafe: preparing(client),
    savepoint: nesting(client.savepoint as unknown as Nesting),
  };
  return new Proxy(client, {
    get: (target, key) => Reflect.get(Object.hasOwn(own, key) ? own : target, key) as unknown,
  });
}
