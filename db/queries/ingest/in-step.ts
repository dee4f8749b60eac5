import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';

/**
 * Since when this folder and all others were known to be in step: what appeared elsewhere since then
 * may have come from here. A folder that was renumbered, or could not be opened, is so only once it was
 * looked at again, and listed; until then it was last in step before that began.
 */
export async function inStepSince(
  tx: Tx,
  { tenantId }: Licence,
  folderId: string,
  caughtUpAt: Date | null,
): Promise<Date | null> {
  if (!caughtUpAt) return null;
  const [folder] = await tx.execute<{ until: string | null }>(sql`
    select in_step_until as until from collections
    where tenant_id = ${tenantId} and id = ${folderId}`);
  const since = folder?.until ? new Date(folder.until) : caughtUpAt;
  return since < caughtUpAt ? since : caughtUpAt;
}
