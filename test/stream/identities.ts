import { sql } from 'drizzle-orm';
import { withTenant } from '../../db/tenant.ts';
import type { FolderName } from '../../domain/connection.ts';
import { openJson } from '../../domain/sealed-json.ts';
import type { OperatedMailbox } from '../support/operated-mailbox.ts';
import { readToken, tokenHeader } from './letters.ts';
import type { OtherClient } from './other-client.ts';

/** Where a letter lies at the server, and its flags and keywords there. */
export interface LetterPlace {
  folder: string;
  uid: number;
  flags: string[];
}

/** A letter's message in the store, and where it lies. */
export interface Identity extends LetterPlace {
  id: string;
}

/** By the letter's token. A copied letter is shown by one of its places. */
export type Identities = Map<string, Identity>;

/** Every letter of the server with its places, by token. */
export async function readLetters(client: OtherClient): Promise<Map<string, LetterPlace[]>> {
  const found = new Map<string, LetterPlace[]>();
  for (const folder of await client.folders()) {
    await client.inFolder(folder, async (uids) => {
      if (uids.length === 0) return;
      const query = { uid: true, flags: true, headers: [tokenHeader] };
      for await (const { uid, flags, headers } of client.imap.fetch('1:*', query)) {
        const token = readToken(headers);
        if (token === undefined) continue;
        const there = { folder, uid, flags: [...(flags ?? [])] };
        found.set(token, [...(found.get(token) ?? []), there]);
      }
    });
  }
  return found;
}

/**
 * Matches the server's letters with the store's messages by folder and UID; call it when the two
 * are equal.
 */
export async function matchIdentities(
  letters: ReadonlyMap<string, LetterPlace[]>,
  mailbox: OperatedMailbox,
): Promise<Identities> {
  const ids = await readMessageIds(mailbox);
  const found: Identities = new Map();
  for (const [token, places] of letters) {
    for (const at of places) {
      const id = ids.get(place(at.folder, at.uid));
      if (id !== undefined) found.set(token, { id, ...at });
    }
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
  api,
  tenant,
  uuid,
}: OperatedMailbox): Promise<Map<string, string>> {
  return await withTenant(api.database.app, tenant.uuid, async (tx) => {
    const folders = await tx.execute<{ id: string; name: Uint8Array }>(sql`
      select id, name from folders where connection_id = ${uuid}`);
    const names = new Map(
      folders.map(({ id, name }) => {
        const at = { table: 'folders', column: 'name', rowId: id };
        return [id, openJson<FolderName>(tenant.vault, at, name).ref];
      }),
    );
    const rows = await tx.execute<{ folder_id: string; uid: string; message_id: string }>(sql`
      select folder_id, uid, message_id from placements where hidden_at is null`);
    return new Map(
      rows.map((row) => [place(names.get(row.folder_id)!, row.uid), row.message_id] as const),
    );
  });
}
