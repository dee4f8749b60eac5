import type { Client } from '@temporalio/client';
import { sql, type SQL } from 'drizzle-orm';
import type { FoundLicence } from '../../db/fence.ts';
import { withTenant } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { ensureMailboxSync } from '../../workflows/contract.ts';
import { hostileUser } from '../emulators/imap-hostile/server.ts';
import { createTestConnection } from '../support/connection.ts';
import type { TestDatabase } from '../support/database.ts';
import { createTestKeyring } from '../support/keys.ts';

/** What the store says of a connection. */
export interface Shown {
  state: string;
  reason: string | null;
  /** The kind of the last failure of either loop. */
  lastError: string | null;
}

/** Tenants with one connection each: the same user at many servers of one host. */
export interface Accounts {
  connect(client: Client, port: number): Promise<FoundLicence>;
  shown(licence: FoundLicence): Promise<Shown>;
  stored(licence: FoundLicence): Promise<number>;
  /** How many messages are quarantined, by reason. */
  skipped(licence: FoundLicence): Promise<Record<string, number>>;
}

export function createAccounts(base: TestDatabase, rootKey: Buffer): Accounts {
  const keyring = createTestKeyring(base.keys, rootKey);
  const read = async <T extends object>({ tenantId }: FoundLicence, query: SQL) =>
    await withTenant(base.app, tenantId, (tx) => tx.execute<T & Record<string, unknown>>(query));
  return {
    connect: async (client, port) => {
      const tenantId = uuidv7();
      await keyring.create(tenantId);
      await base.app.db.execute(sql`
        insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
      const { user: username, password } = hostileUser;
      const imap = { host: '127.0.0.1', port, security: 'none' as const, username, password };
      const licence = await createTestConnection(base.app, await keyring.vault(tenantId), imap);
      await ensureMailboxSync(client, { ...licence, provider: 'imap' });
      return licence;
    },
    shown: async (licence) => {
      const [row] = await read<Shown>(
        licence,
        sql`select state, reason, last_error_kind as "lastError" from sync_status`,
      );
      return row!;
    },
    stored: async (licence) => {
      const [row] = await read<{ count: number }>(
        licence,
        sql`select count(*)::int as count from placements where hidden_at is null`,
      );
      return row!.count;
    },
    skipped: async (licence) => {
      const rows = await read<{ reason: string; count: number }>(
        licence,
        sql`select reason, count(*)::int as count from skips group by reason`,
      );
      return Object.fromEntries(rows.map(({ reason, count }) => [reason, count]));
    },
  };
}
