import { sql } from 'drizzle-orm';
import type { Database } from '../../db/client.ts';
import { readLicence, type FoundLicence } from '../../db/fence.ts';
import { withTenantWrite } from '../../db/tenant.ts';
import type { ConnectionProfile } from '../../domain/connection.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { ImapAccount } from '../../domain/provider.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { sealJson } from '../../domain/sealed-json.ts';

/** The rows of a connection as the API makes them, for tests that start below the API. */
export async function createTestConnection(
  database: Database,
  vault: TenantVault,
  imap: ImapAccount,
  options: { memberId?: string; excludedFolders?: string[][] } = {},
): Promise<FoundLicence> {
  const { tenantId } = vault;
  const id = uuidv7();
  const profile: ConnectionProfile = {
    address: imap.username,
    host: imap.host,
    excludedFolders: options.excludedFolders ?? [],
  };
  const place = (column: string) => ({ table: 'connections', column, rowId: id });
  const accountIndex = vault.index('mailbox', imap.host, imap.username);
  await withTenantWrite(database, tenantId, async (tx) => {
    await tx.execute(sql`
      insert into directory.connections (id, capability, tenant_id, provider, watch_shard)
      values (${id}, 'mail', ${tenantId}, 'imap', 0)`);
    await tx.execute(sql`
      insert into connections (tenant_id, id, member_id, provider, capabilities, credentials,
        profile, account_index)
      values (${tenantId}, ${id}, ${options.memberId ?? uuidv7()}, 'imap', '{mail}',
        ${sql.param(sealJson(vault, place('credentials'), imap))},
        ${sql.param(sealJson(vault, place('profile'), profile))}, ${accountIndex})`);
    await tx.execute(sql`
      insert into sync_status (tenant_id, connection_id, capability, state)
      values (${tenantId}, ${id}, 'mail', 'connecting')`);
  });
  const key = { tenantId, connectionId: id, capability: 'mail' } as const;
  return (await readLicence(database.db, key))!;
}
