import { sql } from 'drizzle-orm';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { send } from '../../pipeline.ts';
import { nameLockOfPage } from '../name-lock.ts';

/** First key of the advisory locks under which a connection's messages are told apart. */
const lockSpace = 0x7468;

/**
 * Makes the two loops of a connection take turns, to the end of the transaction. Of a message that
 * moves, one loop may see the old place go while the other sees the new one come: the second of
 * them has to see what the first has stored, or neither recognises the twin. Two pages that meet in
 * one thread must not each make their own. Nor may a name be erased that the rows are going to use.
 * Call it before rows are written, so that nobody waits in a circle. Statements sent after it wait for
 * it at the server.
 */
export async function takeTurns(tx: Tx, { tenantId, connectionId }: Licence): Promise<void> {
  const turn = sql`pg_advisory_xact_lock(${lockSpace}, hashtext(${connectionId}))`;
  await send(tx, sql`select ${nameLockOfPage(tenantId)}, ${turn}`);
}
