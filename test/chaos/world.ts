import { Client, Connection } from '@temporalio/client';
import protobuf from '@temporalio/proto';
import { sql } from 'drizzle-orm';
import { parsePublicId } from '../../domain/ids.ts';
import { workflowIds } from '../../workflows/contract.ts';
import { createRandom, type Random } from '../emulators/imap/sample/random.ts';
import { openOtherClient, type OtherClient } from '../stream/other-client.ts';
import { startDovecot, type CapabilityLevel, type Dovecot } from '../support/dovecot.ts';
import {
  createInstanceClient,
  type InstanceClient,
  type InstanceStore,
} from '../support/instance-client.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { createHomeFolder, start, type Started } from '../support/started.ts';
import { waitFor } from '../support/wait-for.ts';

export interface WorldOptions {
  level: CapabilityLevel;
  seed: number;
  /** What one import brings. */
  messages: number;
  say: (text: string) => void;
}

/** An instance as an operator starts it, a mailbox at a real server, and who looks at both. */
export interface World extends WorldOptions {
  home: string;
  started: Started;
  dovecot: Dovecot;
  api: InstanceClient;
  store: InstanceStore;
  /** Public id. */
  connection: string;
  random: Random;
  otherClient: OtherClient;
  /** Where every loop of the mailbox stands; it moves only in transactions that store rows. */
  position(): Promise<string>;
  /** Whether a slice runs at this moment, as Temporal tells it. */
  sliceRuns(): Promise<boolean>;
  /** Whether history is left to import, as the store has it. */
  imports(): Promise<boolean>;
  /** Brings a new folder full of history, and returns when its import has begun. */
  feed(): Promise<void>;
  /** Asks for a look at everything. Returns false when the API was not there to hear it. */
  poke(): Promise<boolean>;
  stop(): Promise<void>;
}

/** Folders in which only Steward changes messages, so that each change can be told afterwards. */
export const ownFolders = { source: 'Ours', target: 'Done' } as const;

/** What lies in the mailbox before anything is killed. */
const firstMessages = 300;

const activityStarted =
  protobuf.temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;

export async function startWorld(options: WorldOptions): Promise<World> {
  const { level, seed, messages } = options;
  const dovecot = await startDovecot({ capabilities: level, folderIndex: false });
  const { maildir } = dovecot;
  generateMaildir({ maildir, messages: firstMessages, folders: 6, seed, mix: 'usual' });
  const random = createRandom(seed);
  const otherClient = await openOtherClient(dovecot, random, Object.values(ownFolders));
  for (const folder of Object.values(ownFolders)) await otherClient.imap.mailboxCreate(folder);
  const { home, remove } = createHomeFolder();
  const started = await start(home);
  const api = createInstanceClient(started, home);
  const store = await api.openStore();
  const connection = await api.connect(dovecot);
  const server = await Connection.connect({ address: started.instance.temporalAddress });
  const client = new Client({ connection: server });
  const workflowId = workflowIds.mailboxSync(parsePublicId('connection', connection)!);
  const poke = async (): Promise<boolean> =>
    await api.send('POST', `/v1/connections/${connection}/sync`).then(
      ({ status }) => status === 202,
      () => false,
    );
  const imports = async (): Promise<boolean> => {
    const rows = await store.database.db.execute(sql`
      select from collections c join folders f on f.id = c.id
      where not c.backfill_done and f.hidden_at is null`);
    return rows.length > 0;
  };
  let fed = 0;
  return {
    ...{ ...options, home, started, dovecot, api, store, connection, random, otherClient, poke },
    imports,
    position: async () => {
      const [row] = await store.database.db.execute<{ position: string }>(sql`
        select md5(string_agg(concat_ws(',', id, live_cursor, backfill_cursor, stored), ';'
          order by id)) as position from collections`);
      return row!.position;
    },
    sliceRuns: async () => {
      const { raw } = await client.workflow.getHandle(workflowId).describe();
      return (raw.pendingActivities ?? []).some(({ state }) => state === activityStarted);
    },
    feed: async () => {
      fed += 1;
      const names = [`Import-${fed}`];
      generateMaildir({ maildir, messages, folders: 1, names, seed: seed + fed, mix: 'usual' });
      // A session that lives long trusts the server's index of folders; a fresh one renews it.
      const fresh = await dovecot.imap();
      await fresh.list();
      await fresh.logout();
      const begun = async () => {
        await poke();
        return await imports();
      };
      await waitFor(begun, { what: 'the import to begin', timeoutMs: 60_000, intervalMs: 500 });
    },
    stop: async () => {
      started.process.kill('SIGTERM');
      await started.ended;
      await Promise.all([server.close(), store.close(), otherClient.close()]);
      await dovecot.stop();
      remove();
    },
  };
}
