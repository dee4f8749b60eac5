import type { ImapFlow, MailboxObject } from 'imapflow';
import { ProviderFailure, unexplainedCode } from '../../../domain/failure.ts';
import type { RemoteCollection } from '../../../domain/provider.ts';
import { refused, translated, uidValidityChanged } from '../errors.ts';
import type { Lease } from '../session-pool.ts';
import { formatUidSet } from '../uid-set.ts';
import { folderMissing, notPermitted, translatedWrite } from './refusals.ts';

/** A folder that is open for writing. */
export interface SelectedFolder {
  client: ImapFlow;
  mailbox: MailboxObject;
}

/**
 * Runs work on a folder opened read-write, and opens it read-only afterwards: CLOSE in a folder
 * that is open for writing would expunge what others have marked (RFC 9051 §6.4.2).
 *
 * @throws ProviderFailure, `cursor-expired` when the folder was renumbered since it was listed
 */
export async function withSelected<T>(
  { connection: { client } }: Lease,
  collection: RemoteCollection,
  work: (folder: SelectedFolder) => Promise<T>,
): Promise<T> {
  const mailbox = await select(client, collection);
  try {
    if (
      collection.uidValidity !== undefined &&
      String(mailbox.uidValidity ?? '') !== collection.uidValidity
    ) {
      throw uidValidityChanged();
    }
    if (mailbox.readOnly === true) throw notPermitted();
    return await work({ client, mailbox });
  } finally {
    // A connection that is gone has left the folder as well, and without expunging.
    if (client.usable) await translated(client.mailboxOpen(collection.ref, { readOnly: true }));
  }
}

/** Servers that refuse without a code mean that there is no such folder, or none to open. */
async function select(client: ImapFlow, { ref }: RemoteCollection): Promise<MailboxObject> {
  try {
    return await translatedWrite(client.mailboxOpen(ref));
  } catch (error) {
    const unexplained = error instanceof ProviderFailure && error.code === unexplainedCode;
    throw unexplained ? folderMissing(error) : error;
  }
}

/** Which of these UIDs the open folder holds, ascending. */
export async function presentUids(client: ImapFlow, uids: readonly number[]): Promise<number[]> {
  if (uids.length === 0) return [];
  const found = await translated(client.search({ uid: formatUidSet(uids) }, { uid: true }));
  if (!Array.isArray(found)) throw refused();
  const present = new Set(found);
  return uids.filter((uid) => present.has(uid)).toSorted((a, b) => a - b);
}
