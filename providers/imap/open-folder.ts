import type { RemoteCollection } from '../../domain/provider.ts';
import { messagesMax, reopensPerPageMax } from './bounds.ts';
import { reopenAfterBreach } from './breaches.ts';
import type { ImapClient } from './client.ts';
import type { ImapConnection } from './connect.ts';
import {
  folderRefused,
  isBoundError,
  translated,
  translateError,
  uidValidityChanged,
} from './errors.ts';
import type { Lease } from './session-pool.ts';

/** A folder as EXAMINE described it, before anything was fetched. */
export interface FolderState {
  uidValidity: string;
  uidNext: number;
  messages: number;
  /** Undefined where the folder keeps no mod-sequences (RFC 7162 §3.1.2). */
  modseq: bigint | undefined;
}

export interface OpenFolder {
  readonly lease: Lease;
  readonly collection: RemoteCollection;
  /** The connection changes when it has to be opened again. */
  readonly client: ImapClient;
  readonly connection: ImapConnection;
  readonly state: FolderState;
  /**
   * Whether an error is a bound that the server broke. If so the connection is open again
   * afterwards, on the same folder, so that the rest can be read.
   * @throws ProviderFailure when the page has cost too many connections so
   */
  recover(error: unknown): Promise<boolean>;
  /** Each page has its own share of the connections that may be opened so. */
  beginPage(): void;
  /** Opens the folder again, over the connection that there is now. */
  openAgain(): Promise<void>;
}

/**
 * Opens a folder read-only. Rows are stored under the numbering that the listing showed, so a folder
 * that was made again since, or could not be opened then, is listed once more.
 * @throws ProviderFailure, `cursor-expired` when it is numbered otherwise than it was listed
 */
export async function openFolder(lease: Lease, collection: RemoteCollection): Promise<OpenFolder> {
  const state = await examine(lease.connection.client, collection);
  if ((collection.uidValidity ?? '') !== state.uidValidity) throw uidValidityChanged();
  let reopens = 0;
  const openAgain = async (): Promise<void> => {
    const again = await examine(lease.connection.client, collection);
    if (again.uidValidity !== state.uidValidity) throw uidValidityChanged();
  };
  return {
    ...{ lease, collection, state, openAgain },
    get client() {
      return lease.connection.client;
    },
    get connection() {
      return lease.connection;
    },
    beginPage: () => {
      reopens = 0;
    },
    recover: async (error) => {
      const cause = isBoundError(error) ? error : lease.connection.fault;
      if (!isBoundError(cause)) return false;
      reopens += 1;
      if (reopens > reopensPerPageMax) throw translateError(cause);
      await reopenAfterBreach(lease, cause);
      await openAgain();
      return true;
    },
  };
}

/** The highest UID in the folder, 0 when it is empty; more reliable than UIDNEXT. */
export async function lastUid({ client }: { readonly client: ImapClient }): Promise<number> {
  if (!client.mailbox || client.mailbox.exists === 0) return 0;
  // By UID: a sequence number beyond the last message is an error, and EXISTS may be one. All rows
  // are read: announcements that nobody asked for may come before the answer.
  const rows = client.fetch('*:*', { uid: true }, { uid: true });
  for (let highest = 0; ;) {
    const row = await translated(rows.next());
    if (row.done) return highest;
    highest = Math.max(highest, row.value.uid ?? 0);
  }
}

async function examine(
  client: ImapClient,
  { ref, uidValidity }: RemoteCollection,
): Promise<FolderState> {
  const mailbox = await open(client, ref);
  const hasModseq = client.enabled.has('CONDSTORE') && mailbox.noModseq !== true;
  return {
    uidValidity: mailbox.uidValidity?.toString() ?? uidValidity ?? '',
    // Some servers leave it out of SELECT (it is only recommended before RFC 9051).
    uidNext: mailbox.uidNext ?? (await lastUid({ client })) + 1,
    messages: Math.min(mailbox.exists ?? 0, messagesMax),
    modseq: hasModseq ? mailbox.highestModseq : undefined,
  };
}

/** A refusal concerns the folder alone: the session goes on. */
async function open(client: ImapClient, ref: string) {
  try {
    return await client.mailboxOpen(ref, { readOnly: true });
  } catch (error) {
    const failure = translateError(error);
    throw failure.code === 'imap-refused' ? folderRefused(error) : failure;
  }
}
