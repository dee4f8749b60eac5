import { inspect } from 'node:util';
import { sql } from 'drizzle-orm';
import { withTenant } from '../../db/tenant.ts';
import type { OperatedMailbox } from '../support/operated-mailbox.ts';

/** What the store has of a message: itself, its places, and what was asked of it; a line each. */
export async function tellMessage(
  { api, tenant }: OperatedMailbox,
  messageId: string,
): Promise<string[]> {
  return await withTenant(api.database.app, tenant.uuid, async (tx) => {
    const rows = await tx.execute<{ line: string }>(sql`
      select 'message ' || id || ' stored ' || created_at
        || coalesce(', hidden ' || hidden_at, '') || ', twin ' || twin_index as line
      from messages where id = ${messageId}
      union all
      select 'place ' || folder_id || ' ' || uid || ' version ' || version || ' flags ' || flags
        || coalesce(', hidden ' || hidden_at, '') || coalesce(', missing ' || missing_at, '')
      from placements where message_id = ${messageId}
      union all
      select 'intent ' || kind || ' +' || add_flags || ' -' || remove_flags
        || coalesce(' to ' || folder_id, '') || ' ' || state || coalesce(' ' || reason, '')
        || ', asked ' || created_at || coalesce(', attempted ' || attempted_at, '')
        || coalesce(', finished ' || finished_at, '')
      from intents where message_id = ${messageId}`);
    return rows.map(({ line }) => line);
  });
}

/** The collections of the mailbox as the sync sees them. */
export async function tellFolders({ api, tenant }: OperatedMailbox): Promise<string[]> {
  return await withTenant(api.database.app, tenant.uuid, async (tx) => {
    const rows = await tx.execute<{ line: string }>(sql`
      select 'folder ' || f.id || ' numbering ' || coalesce(f.uid_validity::text, '?')
        || coalesce(', hidden ' || f.hidden_at, '') || ', live ' || coalesce(c.live_cursor::text, '-')
        || ', mark ' || coalesce(c.mark, '-') || ', history ' || c.backfill_done as line
      from folders f join collections c on c.tenant_id = f.tenant_id and c.id = f.id`);
    return rows.map(({ line }) => line);
  });
}

/** What a session that begins now is told of some folders: one that is older may know less. */
export async function tellCounters(
  { dovecot }: OperatedMailbox,
  folders: Iterable<string>,
): Promise<string[]> {
  const client = await dovecot.imap();
  const lines: string[] = [];
  for (const folder of folders) {
    const asked = { messages: true, uidNext: true, uidValidity: true, highestModseq: true };
    lines.push(`the server says of ${folder}: ${inspect(await client.status(folder, asked))}`);
  }
  await client.logout();
  return lines;
}
