import { sql } from 'drizzle-orm';
import { withTenant } from '../../db/tenant.ts';
import type { FolderName } from '../../domain/connection.ts';
import { openJson } from '../../domain/sealed-json.ts';
import type { SyncedMailbox } from '../support/synced-mailbox.ts';
import { readToken, tokenHeader } from './letters.ts';
import type { OtherClient } from './other-client.ts';

/** A letter's message in the store, and where it lies. */
export interface Identity {
  id: string;
  folder: string;
  uid: number;
}

/** By the letter's token. A copied letter is shown by one of its places. */
export type Identities = Map<string, Identity>;

/**
 * Matches the server's letters with the store's messages by folder and UID; call it when the two
 * are equal.
 */
export async function readIdentities(
  client: OtherClient,
  mailbox: SyncedMailbox,
): Promise<Identities> {
  const ids = await readMessageIds(mailbox);
  const found: Identities = new Map();
  for (const folder of await client.folders()) {
    await client.inFolder(folder, async (uids) => {
      if (uids.length === 0) return;
      const rows = client.imap.fetch('1:*', { uid: true, headers: [tokenHeader] });
      for await (const { uid, headers } of rows) {
        const token = readToken(headers);
        const id = ids.get(place(folder, uid));
        if (token !== undefined && id !== undefined) found.set(token, { id, folder, uid });
      }
    });
  }
  return found;
}

/**
 * Letters that are alone of their kind must be the same message as before, wherever they were
 * moved. Copies of one letter are told apart by nothing, so any of them may take the other's place.
 */
export function findChangedIds(
  before: Identities,
  after: Identities,
  copied: ReadonlySet<string>,
): { token: string; was: Identity; is: Identity }[] {
  return [...after].flatMap(([token, is]) => {
    const was = before.get(token);
    return was === undefined || was.id === is.id || copied.has(token) ? [] : [{ token, was, is }];
  });
}

const place = (folder: string, uid: number | string): string => `${folder} ${uid}`;

async function readMessageIds({
  base,
  vault,
  licence,
}: SyncedMailbox): Promise<Map<string, string>> {
  return await withTenant(base.app, vault.tenantId, async (tx) => {
    const folders = await tx.execute<{ id: string; name: Uint8Array }>(sql`
      select id, name from folders where connection_id = ${licence.connectionId}`);
    const names = new Map(
      folders.map(({ id, name }) => {
        const at = { table: 'folders', column: 'name', rowId: id };
        return [id, openJson<FolderName>(vault, at, name).ref];
      }),
    );
    const rows = await tx.execute<{ folder_id: string; uid: string; message_id: string }>(sql`
      select folder_id, uid, message_id from placements where hidden_at is null`);
    return new Map(
      rows.map((row) => [place(names.get(row.folder_id)!, row.uid), row.message_id] as const),
    );
  });
}
