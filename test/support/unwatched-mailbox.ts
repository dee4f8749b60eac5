import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, type Worker } from '@temporalio/worker';
import { sql } from 'drizzle-orm';
import { inject } from 'vitest';
import type { ActivityDeps } from '../../activities/deps.ts';
import { createActivities, type Activities } from '../../activities/index.ts';
import { withTenant } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createLogger } from '../../runtime/logger.ts';
import { createLane } from '../../worker/lanes.ts';
import { createPageEncoder } from '../../worker/threads/page-encoder.ts';
import { ensureMailboxSync, pokeMailboxSync, workflowIds } from '../../workflows/contract.ts';
import { createImapEmulator } from '../emulators/imap/server.ts';
import { createTestConnection } from './connection.ts';
import { createTestDatabase } from './database.ts';
import { createTestKeyring } from './keys.ts';
import { createNamespace } from './worker.ts';

/** One mailbox whose workflow runs, but that no watch announces anything of: nobody pokes. */
export interface UnwatchedMailbox extends AsyncDisposable {
  client: Client;
  workflowId: string;
}

/**
 * Starts the workflow of an emulated mailbox and the lanes that it needs. A test may put its own
 * hand between the workflow and the activities.
 */
export async function startUnwatchedMailbox(
  intercept: (activities: Activities) => Activities,
): Promise<UnwatchedMailbox> {
  const base = await createTestDatabase();
  const server = await createImapEmulator({ users: { jane: 'secret' } });
  const keyring = createTestKeyring(base.keys);
  const tenantId = uuidv7();
  await keyring.create(tenantId);
  await base.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
  const address = inject('temporalAddress');
  const connection = await Connection.connect({ address });
  const namespace = `test-${randomUUID().slice(0, 8)}`;
  await createNamespace(connection, namespace);
  const client = new Client({ connection, namespace });
  const native = await NativeConnection.connect({ address });
  const encoder = createPageEncoder(keyring);
  const mail = createImapProvider({ allowedNetworks: ['127.0.0.0/8'], allowCleartext: true });
  const deps: ActivityDeps = {
    ...{ database: base.app, keyring, encoder, mail },
    poke: (connectionId) => pokeMailboxSync(client, connectionId),
    log: createLogger({ name: 'worker', level: 'warn' }),
  };
  const options = {
    ...{ connection: native, namespace, bundle: { codePath: inject('workflowBundle') } },
    activities: intercept(createActivities(deps)),
  };
  const lanes: Worker[] = [];
  for (const lane of ['workflows', 'live', 'backfill', 'work'] as const) {
    lanes.push(await createLane(lane, options));
  }
  const running = Promise.all(lanes.map((lane) => lane.run()));
  const account = { host: '127.0.0.1', port: server.port, username: 'jane', password: 'secret' };
  const vault = await keyring.vault(tenantId);
  const licence = await createTestConnection(base.app, vault, { ...account, security: 'none' });
  // What the shard that watches the mailbox notes with every sweep.
  await withTenant(base.app, tenantId, (tx) =>
    tx.execute(sql`update sync_status set watch_seen_at = now()`),
  );
  await ensureMailboxSync(client, { ...licence, provider: 'imap' });
  return {
    client,
    workflowId: workflowIds.mailboxSync(licence.connectionId),
    [Symbol.asyncDispose]: async () => {
      for (const lane of lanes) lane.shutdown();
      await running;
      await mail.close();
      await encoder[Symbol.asyncDispose]();
      await native.close();
      await connection.close();
      await server.close();
      await base.drop();
    },
  };
}
