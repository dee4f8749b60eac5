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
  return ((text: string, args: never[] = [], options: object = {}) =>
    unsafe(text, args, { ...options, prepare: args.length > 0 })) as Unsafe;
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
