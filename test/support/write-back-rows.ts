import { sql } from 'drizzle-orm';
import type { Database } from '../../db/client.ts';
import { readLicence, withFence } from '../../db/fence.ts';
import { insertIntents } from '../../db/queries/intents.ts';
import { recordRefused } from '../../db/queries/sync/intents.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { IntentKind } from '../../domain/intent.ts';
import type { TenantVault } from '../../domain/seal.ts';

interface Store {
  database: Database;
  vault: TenantVault;
  connectionId: string;
}

/** Intents of one kind that wait, as the API writes them. Returns their ids. */
export async function writeIntents(
  { database, vault: { tenantId }, connectionId }: Store,
  kind: IntentKind,
  count: number,
): Promise<string[]> {
  const intents = Array.from({ length: count }, () => ({ id: uuidv7(), kind, change: null }));
  const asked = { tenantId, connectionId, memberId: uuidv7() };
  await withFence(database, await licenceOf(database, tenantId, connectionId), (tx) =>
    insertIntents(tx, asked, intents),
  );
  return intents.map(({ id }) => id);
}

/** Ends intents as a slice does when the provider will not have them, so many days ago. */
export async function refuseIntents(
  { database, vault: { tenantId }, connectionId }: Store,
  ids: string[],
  { reason, daysAgo = 0 }: { reason: string; daysAgo?: number },
): Promise<void> {
  const licence = await licenceOf(database, tenantId, connectionId);
  await withFence(database, licence, async (tx) => {
    await recordRefused(
      tx,
      licence,
      ids.map((id) => ({ id, reason })),
    );
    await tx.execute(sql`
      update intents set finished_at = finished_at - make_interval(days => ${daysAgo})
      where tenant_id = ${tenantId} and id = any(${sql.param(ids)}::uuid[])`);
  });
}

/** A reconciliation that was begun and finished so many minutes ago. */
export async function writeReconciliation(
  { database, vault: { tenantId }, connectionId }: Store,
  folderId: string,
  totals: { listed: number; stored: number; missingBefore: number; missingAfter: number },
  minutesAgo: number,
): Promise<void> {
  const at = sql`now() - make_interval(mins => ${minutesAgo})`;
  await withFence(database, await licenceOf(database, tenantId, connectionId), async (tx) => {
    await tx.execute(sql`
      insert into reconciliations (tenant_id, connection_id, id, folder_id, started_at, finished_at,
        listed, stored, missing_before, missing_after)
      values (${tenantId}, ${connectionId}, ${uuidv7()}, ${folderId}, ${at}, ${at},
        ${totals.listed}, ${totals.stored}, ${totals.missingBefore}, ${totals.missingAfter})`);
    await tx.execute(sql`
      update sync_status set reconcile_started_at = ${at}, reconciled_at = ${at}
      where tenant_id = ${tenantId} and connection_id = ${connectionId}`);
  });
}

async function licenceOf(database: Database, tenantId: string, connectionId: string) {
  const licence = await readLicence(database.db, { tenantId, connectionId, capability: 'mail' });
  if (!licence) throw new Error('The test has no such connection.');
  return licence;
}
