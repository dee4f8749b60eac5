import { sql } from 'drizzle-orm';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import type { FoundLicence } from '../../db/fence.ts';
import { createWrappedKeyStore } from '../../db/queries/wrapped-keys.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { Keyring } from '../../domain/seal.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { watchShards } from '../../workflows/contract.ts';
import { createTestConnection } from '../support/connection.ts';
import type { Store } from './store.ts';
import { undisturbed } from '../support/slice-life.ts';

/** Connections of one tenant; each tenant costs a transaction when its signs of life are written. */
const connectionsPerTenant = 10;

/** Slices at a time while the store is brought in step. */
const slicesMax = 8;

/** Makes connections to `user0`, `user1` … in step with their server. Returns their ids by user. */
export async function addConnections(
  store: Store,
  port: number,
  count: number,
): Promise<Map<string, string>> {
  const keyring = createKeyring({
    ...{ rootKeys: () => [store.rootKey], store: createWrappedKeyStore(store.keys) },
    ...{ cacheMs: 300_000, cacheMax: 1_000 },
  });
  const made: FoundLicence[] = [];
  for (let tenantId = ''; made.length < count;) {
    if (made.length % connectionsPerTenant === 0) tenantId = await addTenant(store, keyring);
    const imap = { host: '127.0.0.1', port, security: 'none' as const, password: 'secret' };
    const username = `user${made.length}`;
    const vault = await keyring.vault(tenantId);
    made.push(await createTestConnection(store.app, vault, { ...imap, username }));
  }
  await store.app.sql`
    update directory.connections c set watch_shard = n.row % ${watchShards}
    from (select id, row_number() over (order by id) as row from directory.connections) n
    where n.id = c.id`;
  await bringInStep(store, keyring, made);
  return new Map(made.map(({ connectionId }, i) => [`user${i}`, connectionId]));
}

async function addTenant(store: Store, keyring: Keyring): Promise<string> {
  const tenantId = uuidv7();
  await keyring.create(tenantId);
  await store.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Bench')`);
  return tenantId;
}

/** So that the first sweeps find nothing to tell. */
async function bringInStep(
  { app: database }: Store,
  keyring: Keyring,
  connections: FoundLicence[],
): Promise<void> {
  const network = { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true };
  const mail = createImapProvider(network, { poolIdleMs: 1 });
  const encode = (): Promise<never> => Promise.reject(new Error('the mailboxes are empty'));
  const poke = async (): Promise<void> => undefined;
  const log = { info: () => undefined, warn: (facts: object) => console.error(facts) };
  const deps = { database, keyring, encoder: { encode }, mail, poke, log };
  const due = connections.values();
  const work = async (): Promise<void> => {
    for (const { tenantId, connectionId } of due) {
      const target = { tenantId, connectionId, capability: 'mail' as const };
      const input = { ...target, poked: true, cautious: false, failuresBefore: 0 };
      await runLiveSlice(deps, input, undisturbed);
    }
  };
  await Promise.all(Array.from({ length: slicesMax }, work));
  await mail.close();
}
