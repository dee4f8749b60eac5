import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { ActivityDeps } from '../../activities/deps.ts';
import { runBackfillSlice } from '../../activities/mail/backfill-slice.ts';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import type { FoundLicence } from '../../db/fence.ts';
import { withTenant } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { PageEncoder } from '../../domain/mail-page.ts';
import type { SliceReport } from '../../domain/sync.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createPageEncoder } from '../../worker/threads/page-encoder.ts';
import { hostileUser } from '../emulators/imap-hostile/server.ts';
import { createTestConnection } from '../support/connection.ts';
import { createTestDatabase } from '../support/database.ts';
import { createTestKeyring } from '../support/keys.ts';
import { undisturbed } from '../support/slice-life.ts';

interface Skip {
  uid: number;
  reason: string;
  strikes: number;
  quarantined: boolean;
}

/** One mailbox between a server and a store, moved slice by slice. */
export interface PoisonWorld {
  connect(port: number, password?: string): Promise<FoundLicence>;
  slice(kind: 'live' | 'backfill'): Promise<SliceReport>;
  stored(): Promise<number>;
  skips(): Promise<Skip[]>;
  stop(): Promise<void>;
}

export async function createPoisonWorld(
  alter: (encoder: PageEncoder) => PageEncoder = (encoder) => encoder,
): Promise<PoisonWorld> {
  const base = await createTestDatabase();
  const keyring = createTestKeyring(base.keys, randomBytes(32));
  const tenantId = uuidv7();
  await keyring.create(tenantId);
  const vault = await keyring.vault(tenantId);
  await base.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
  const encoder = createPageEncoder(keyring);
  const mail = createImapProvider({ allowedNetworks: ['127.0.0.0/8'], allowCleartext: true });
  const deps: ActivityDeps = {
    ...{ database: base.app, keyring, mail, encoder: alter(encoder) },
    poke: async () => undefined,
    log: { info: () => undefined, warn: () => undefined },
  };
  let licence: FoundLicence;
  return {
    connect: async (port, password = hostileUser.password) => {
      const account = { host: '127.0.0.1', port, security: 'none' as const };
      const imap = { ...account, username: hostileUser.user, password };
      licence = await createTestConnection(base.app, vault, imap);
      return licence;
    },
    slice: async (kind) => {
      const { connectionId } = licence;
      const target = { tenantId, connectionId, capability: 'mail' as const, failuresBefore: 0 };
      return kind === 'live'
        ? await runLiveSlice(deps, { ...target, poked: true, cautious: false }, undisturbed)
        : await runBackfillSlice(deps, target, undisturbed);
    },
    stored: async () => {
      const rows = await withTenant(base.app, tenantId, (tx) =>
        tx.execute(sql`select uid from placements where hidden_at is null`),
      );
      return rows.length;
    },
    skips: async () =>
      await withTenant(base.app, tenantId, (tx) =>
        tx.execute<Skip & Record<string, unknown>>(sql`
          select uid::int as uid, reason, strikes::int as strikes,
            quarantined_at is not null as quarantined
          from skips order by uid`),
      ),
    stop: async () => {
      await mail.close();
      await encoder[Symbol.asyncDispose]();
      await base.drop();
    },
  };
}
