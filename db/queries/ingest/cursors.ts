import { sql, type SQL } from 'drizzle-orm';
import { OvertakenError } from '../../../domain/failure.ts';
import type { Cursor } from '../../../domain/provider.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import type { PageToStore } from './store-page.ts';

/**
 * Where a history begins anew. Each beginning is a position of its own: what was read of the folder
 * before, even as the first page, ends where the live loop does not begin.
 */
export const historyBeginning = sql`jsonb_build_object('begun', gen_random_uuid())`;

/** Whether nothing of the history is stored yet. */
export function isHistoryBeginning(cursor: Cursor | null): boolean {
  return cursor === null || 'begun' in cursor;
}

/**
 * Moves the loop's cursor in the transaction that stored what it covers, from where the page began.
 * A slice that Temporal has given up may still be at work beside its successor: of the two, the one
 * that was overtaken stores nothing, or what it read long ago would stand beyond every look.
 * @throws OvertakenError
 */
export async function moveCursor(
  tx: Tx,
  licence: Licence,
  input: PageToStore,
  storedDelta: number,
): Promise<void> {
  const cursor = JSON.stringify(input.cursor);
  const position = {
    live: sql`, live_cursor = ${cursor}::jsonb`,
    backfill: sql`, backfill_cursor = ${cursor}::jsonb, backfill_done = ${!input.more}`,
    repair: sql``,
  }[input.loop];
  const expected = input.listed === undefined ? sql`` : sql`, expected = ${input.listed}`;
  const mark = input.loop === 'backfill' && !input.more ? lookAgain(input.historyFrom) : sql``;
  const moved = await tx.execute(sql`
    update collections c set stored = stored + ${storedDelta}${position}${expected}${mark}
    where tenant_id = ${licence.tenantId} and id = ${input.folderId} and ${isUnmoved(input)}
    returning id`);
  if (moved.length === 0) throw new OvertakenError('Another slice has moved the position.');
}

/**
 * Whether the folder is still shown, and position and numbering are those that the page began at.
 * A repair belongs to no position, but its UIDs to a numbering.
 */
function isUnmoved({ loop, from, uidValidity }: PageToStore): SQL {
  const same = sql`exists (select from folders f
    where f.tenant_id = c.tenant_id and f.id = c.id and f.hidden_at is null
      and not f.excluded and coalesce(f.uid_validity, '') = ${uidValidity})`;
  if (loop === 'repair') return same;
  const column = loop === 'live' ? sql`c.live_cursor` : sql`c.backfill_cursor`;
  return sql`${column} is not distinct from ${jsonOf(from)} and ${same}`;
}

function jsonOf(cursor: Cursor | null): SQL {
  return cursor === null ? sql`null` : sql`${JSON.stringify(cursor)}::jsonb`;
}

/**
 * Mail that went while its page of history was on the way was not in the store yet when the live
 * loop looked for what is gone. Where the live loop has moved since the history began, the folder is
 * compared once more when it ends, and is not in step with the others until then.
 */
function lookAgain(historyFrom: Cursor | null): SQL {
  const unmoved = sql`c.live_cursor is not distinct from ${jsonOf(historyFrom)}`;
  return sql`, mark = case when ${unmoved} then c.mark end,
    in_step_until = case when not ${unmoved} then c.in_step_until end`;
}
