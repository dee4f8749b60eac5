import type postgres from 'postgres';

/** The driver's calls that the query builder uses. */
type Client = postgres.Sql | postgres.TransactionSql;

/**
 * The same client, with every statement prepared once a connection. The query builder sends its
 * statements unprepared, and for each of those the driver first asks the server for the types of the
 * parameters: a round trip more, and parsing and planning each time. Texts of statements are few,
 * since lists travel as one parameter.
 */
export function preparing<T extends Client>(client: T): T {
  return new Proxy(client, {
    get: (target, key, receiver): unknown => {
      const value: unknown = Reflect.get(target, key, receiver);
      if (key === 'unsafe') {
        const unsafe = value as Client['unsafe'];
        return ((text, parameters, options) =>
          unsafe(text, parameters, { ...options, prepare: true })) satisfies Client['unsafe'];
      }
      if (key === 'begin' || key === 'savepoint') {
        const open = value as (work: (inner: Client) => unknown) => unknown;
        return (work: (inner: Client) => unknown) => open((inner) => work(preparing(inner)));
      }
      return value;
    },
  });
}
