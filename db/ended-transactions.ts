import type postgres from 'postgres';

type Work = (client: postgres.TransactionSql) => unknown;

/** What the driver makes of a statement; it is handed over for sending when somebody waits for it. */
interface Statement extends Promise<unknown> {
  handler: (statement: Statement) => unknown;
  reject: (error: Error) => void;
}

interface Standing {
  /** Committed, rolled back, or without a connection. */
  ended: boolean;
  /** Handed over, and neither answered nor failed. */
  waiting: Set<Statement>;
}

/**
 * Makes a pool refuse what is sent in a transaction that has ended. A transaction of the driver is
 * bound to an object that stands for a connection, also once that has broken and stands for another
 * one: what work sends then, and the COMMIT or ROLLBACK after it, would run in a transaction of somebody
 * else. So none of it is sent.
 */
export function refuseAfterEnd(sql: postgres.Sql): void {
  const original = sql.begin.bind(sql) as (options: string, work: Work) => Promise<unknown>;
  const begin = async (...args: [Work] | [string, Work]): Promise<unknown> => {
    const [options, work] = args.length === 1 ? ['', args[0]] : args;
    const standing: Standing = { ended: false, waiting: new Set() };
    try {
      return await original(options, watched(work, standing));
    } finally {
      standing.ended = true;
      // The driver forgets what waited behind another statement as the connection was lost.
      for (const statement of standing.waiting) statement.reject(endedError());
    }
  };
  Object.assign(sql, { begin });
}

/** The same work, of which nothing is heard any more once its transaction has ended without it. */
function watched(work: Work, standing: Standing): Work {
  return async (client) => {
    try {
      const result = work(refusing(client, standing));
      return await (Array.isArray(result) ? Promise.all(result) : result);
    } finally {
      // The driver's own promise ends as the connection closes, and this one has nothing to add.
      if (standing.ended) await new Promise<never>(() => undefined);
    }
  };
}

function refusing(client: postgres.TransactionSql, standing: Standing): postgres.TransactionSql {
  const { savepoint } = client;
  const nested = (...args: [Work] | [string, Work]): unknown => {
    if (standing.ended) return Promise.reject(endedError());
    const work = watched(args.length === 1 ? args[0] : args[1], standing);
    return args.length === 1 ? savepoint(work) : savepoint(args[0], work);
  };
  const making =
    (make: (...args: never[]) => unknown) =>
    (...args: never[]): unknown =>
      refusable(make(...args), standing);
  return new Proxy(client, {
    apply: (target, self, args) => refusable(Reflect.apply(target, self, args), standing),
    get: (target, key) => {
      if (key === 'savepoint') return nested;
      const value: unknown = Reflect.get(target, key);
      return key === 'unsafe' || key === 'file' ? making(value as () => unknown) : value;
    },
  });
}

/** Other things that a client makes, such as names, are left as they are. */
function refusable(made: unknown, standing: Standing): unknown {
  if (!isStatement(made)) return made;
  const { handler } = made;
  made.handler = Object.assign((statement: Statement): unknown => {
    if (!standing.ended) {
      standing.waiting.add(statement);
      return handler(statement);
    }
    statement.reject(endedError());
    return undefined;
  }, handler);
  // By the promise's own `then`: the statement's would send it.
  const over = (): boolean => standing.waiting.delete(made);
  void Promise.prototype.then.call(made, over, over);
  return made;
}

const endedError = () => new Error('The transaction has ended, or its connection was lost.');

const isStatement = (made: unknown): made is Statement =>
  made instanceof Promise && 'handler' in made;
