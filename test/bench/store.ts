import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { openDatabase, type Database } from '../../db/client.ts';
import { appRole, keysRole, migrate, roleUrl } from '../../db/migrate.ts';
import { ensureDatabases } from '../../runtime/embedded/databases.ts';
import { startPostgres } from '../../runtime/embedded/postgres.ts';

/** A Postgres of the bench's own, migrated, with the roles that the processes have. */
export interface Store {
  ownerUrl: string;
  appUrl: string;
  keysUrl: string;
  rootKey: Buffer;
  app: Database;
  keys: Database;
  stop(): Promise<void>;
}

export async function prepareStore(folder: string): Promise<Store> {
  const dataDir = path.join(folder, 'postgres');
  const stateDir = path.join(folder, 'state');
  mkdirSync(stateDir);
  const postgres = await startPostgres({ dataDir, port: 0, password: 'bench', stateDir });
  await ensureDatabases(postgres.url(), ['steward', 'steward_keys']);
  const [ownerUrl, keysOwnerUrl] = [postgres.url('steward'), postgres.url('steward_keys')];
  await migrate({ ownerUrl, keysUrl: keysOwnerUrl, appPassword: 'bench' });
  const appUrl = roleUrl(ownerUrl, appRole, 'bench');
  const keysUrl = roleUrl(keysOwnerUrl, keysRole, 'bench');
  const pool = { poolMax: 2, applicationName: 'steward-bench' };
  const [app, keys] = [openDatabase(appUrl, pool), openDatabase(keysUrl, pool)];
  return {
    ...{ ownerUrl, appUrl, keysUrl, rootKey: randomBytes(32), app, keys },
    stop: async () => {
      await Promise.all([app.close(), keys.close()]);
      await postgres.stop();
    },
  };
}
