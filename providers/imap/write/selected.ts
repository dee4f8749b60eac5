import type { ImapFlow, MailboxObject } from 'imapflow';
import { ProviderFailure, unexplainedCode } from '../../../domain/failure.ts';
import type { RemoteCollection } from '../../../domain/provider.ts';
import type { ImapClient } from '../client.ts';
import type { ImapConnection } from '../connect.ts';
import { translated, uidValidityChanged } from '../errors.ts';
import type { Lease } from '../session-pool.ts';
import { folderMissing, notPermitted, translatedWrite } from './refusals.ts';

/** A folder that is open for writing. */
export interface SelectedFolder {
  connection: ImapConnection;
  client: ImapClient;
  mailbox: MailboxObject;
}

/**
 * Runs work on a folder opened read-write, and opens it read-only afterwards: CLOSE in a folder
 * that is open for writing would expunge what others have marked (RFC 9051 §6.4.2).
 *
 * @throws ProviderFailure, `cursor-expired` when the folder was renumbered since it was listed
 */
export async function withSelected<T>(
  { connection }: Lease,
  collection: RemoteCollection,
  work: (folder: SelectedFolder) => Promise<T>,
): Promise<T> {
  const { client } = connection;
  const mailbox = await select(client, collection);
  try {
    if (
      collection.uidValidity !== undefined &&
      String(mailbox.uidValidity ?? '') !== collection.uidValidity
    ) {
      throw uidValidityChanged();
    }
    if (mailbox.readOnly === true) throw notPermitted();
    return await work({ connection, client, mailbox });
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
