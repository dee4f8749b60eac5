import { announcedBytes, identityRowBytes } from '../bounds.ts';
import type { FetchItem } from '../client.ts';
import type { ImapConnection } from '../connect.ts';
import { translated } from '../errors.ts';
import type { FetchedRow } from '../fetched-row.ts';
import { fetchRows } from '../fetch-rows.ts';
import { splitUids } from '../uid-set.ts';

/** A message's UID with what a copy of it shares: Message-ID, size and internal date. */
export interface Identity {
  uid: number;
  identity: string;
}

const fields = 'HEADER.FIELDS';
const items: FetchItem[] = [
  'RFC822.SIZE',
  'INTERNALDATE',
  { section: fields, fields: ['MESSAGE-ID'], bytesMax: identityRowBytes },
];

/** Identities of some messages of the open folder, ascending. */
export async function* readIdentities(
  folder: { readonly connection: ImapConnection },
  uids: readonly number[],
): AsyncGenerator<Identity> {
  for (const part of splitUids(uids, folder.connection.client.messageLimit)) {
    const bytesMax = part.length * identityRowBytes + announcedBytes;
    const rows = await translated(fetchRows(folder, part, { items, bytesMax, keep, merge }));
    for (const uid of part) {
      const row = rows.get(uid);
      if (!row) continue;
      const { messageId, size, internalDate } = row;
      yield { uid, identity: [messageId, size, String(internalDate)].join('\n') };
    }
  }
}

interface Row extends Pick<FetchedRow, 'size' | 'internalDate'> {
  messageId?: string;
}

function keep({ size, internalDate, sections }: FetchedRow): Row {
  const messageId = sections.get(fields)?.toString('latin1').trim();
  return {
    ...(size !== undefined && { size }),
    ...(internalDate && { internalDate }),
    ...(messageId !== undefined && { messageId }),
  };
}

function merge(before: Row, after: Row): Row {
  return { ...before, ...after };
}
