import type { Database } from '../../db/client.ts';

/** As a killed process looks to the database: nothing after this point is written. */
export class Killed extends Error {}

export interface Death {
  /** How many transactions the process lives to see the end of. */
  transactions: number;
  /** Whether the next one is committed, although its process never learns that. */
  committed: boolean;
}

/** The database as a process sees it that is killed in the middle of a transaction. */
export function dyingDatabase(database: Database, death: Death): Database {
  let begun = 0;
  const transaction: Database['db']['transaction'] = async (work, config) => {
    begun += 1;
    if (begun > death.transactions + 1) throw new Killed('killed before');
    if (begun <= death.transactions) return await database.db.transaction(work, config);
    await database.db.transaction(async (tx) => {
      await work(tx);
      if (!death.committed) throw new Killed('killed before the commit');
    }, config);
    throw new Killed('killed after the commit');
  };
  const db = new Proxy(database.db, {
    get: (target, key) =>
      key === 'transaction' ? transaction : (Reflect.get(target, key) as unknown),
  });
  return { ...database, db };
}
