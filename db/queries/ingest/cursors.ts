import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import type { PageToStore } from './store-page.ts';

/** Moves the loop's cursor in the transaction that stored what it covers. */
export async function moveCursor(
  tx: Tx,
  licence: Licence,
  input: PageToStore,
  storedDelta: number,
): Promise<void> {
  const cursor = JSON.stringify(input.cursor);
  // A complete listing ends a renumbering: no leftover looks for its twin any more.
  const listed = input.more ? sql`` : sql`, renumbered_since = null`;
  const position = {
    live: sql`, live_cursor = ${cursor}::jsonb`,
    backfill: sql`, backfill_cursor = ${cursor}::jsonb, backfill_done = ${!input.more}${listed}`,
    repair: sql``,
  }[input.loop];
  const expected = input.listed === undefined ? sql`` : sql`, expected = ${input.listed}`;
  await tx.execute(sql`
    update collections set stored = stored + ${storedDelta}${position}${expected}
    where tenant_id = ${licence.tenantId} and id = ${input.folderId}`);
}
