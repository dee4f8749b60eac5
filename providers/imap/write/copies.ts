import type { ImapFlow } from 'imapflow';
import type { MovedItem } from '../../../domain/mail-writer.ts';
import { translated } from '../errors.ts';

/** A message's UID with what a copy of it shares: Message-ID, size and internal date. */
export interface Identity {
  uid: number;
  identity: string;
}

/** Identities of a set of messages of the open folder. */
export async function readIdentities(client: ImapFlow, set: string): Promise<Identity[]> {
  if (set === '') return [];
  const query = { uid: true, size: true, internalDate: true, headers: ['message-id'] };
  const rows = await translated(client.fetchAll(set, query, { uid: true }));
  return rows.map(({ uid, size, internalDate, headers }) => {
    const messageId = headers?.toString('latin1').trim() ?? '';
    return { uid, identity: [messageId, size, String(internalDate)].join('\n') };
  });
}

/** Pairs sources with their copies, each copy once. */
export function pairCopies(sources: Identity[], copies: Identity[]): MovedItem[] {
  const free = Map.groupBy(copies, ({ identity }) => identity);
  return sources.flatMap(({ uid, identity }) => {
    const copy = free.get(identity)?.shift();
    return copy ? [{ uid, newUid: copy.uid }] : [];
  });
}
