import type { ListOptions, ListResponse, StatusObject } from 'imapflow';
import { ProviderFailure } from '../../domain/failure.ts';
import type { FolderRole } from '../../domain/mail.ts';
import type { RemoteCollection } from '../../domain/provider.ts';
import { folderDepthMax, folderListBudget, foldersMax, messagesMax } from './bounds.ts';
import { withinBudget } from './budget.ts';
import type { ImapConnection } from './connect.ts';
import { isOverBudget, refused, translated } from './errors.ts';
import { gmailFolders, isGmail } from './gmail.ts';

/** RFC 6154; imapflow finds the attribute, or else one of the well-known names. */
const roles = new Map<string, FolderRole>([
  ['\\Inbox', 'inbox'],
  ['\\Sent', 'sent'],
  ['\\Drafts', 'drafts'],
  ['\\Trash', 'trash'],
  ['\\Junk', 'junk'],
  ['\\Archive', 'archive'],
  ['\\All', 'all'],
  ['\\Flagged', 'flagged'],
]);

const counters = {
  messages: true,
  uidNext: true,
  uidValidity: true,
  unseen: true,
  highestModseq: true,
} as const;

/**
 * Every folder that can be opened, with its counters: one LIST where LIST-STATUS (RFC 5819) is
 * offered, else a STATUS per folder. Of a Gmail host only those that hold every message once. Some
 * of a mailbox's folders are never taken for all of them: a part of a listing shows neither what is
 * gone nor what was renamed.
 * @param objectIds by the names that the server lists
 * @throws ProviderFailure beyond `foldersMax` folders, and for a listing without any
 */
export async function listCollections(
  connection: ImapConnection,
  objectIds: ReadonlyMap<string, string> = new Map(),
): Promise<RemoteCollection[]> {
  const { client } = connection;
  const options = isGmail(client) ? {} : { statusQuery: counters };
  const entries = await translated(listEntries(connection, options));
  // Every account has an inbox (RFC 9051 §5.1): a listing without any folder has said nothing.
  if (entries.length === 0) throw refused();
  const listed = entries.filter(canBeOpened);
  const synced = isGmail(client) ? await gmailFolders(client, listed, counters) : listed;
  return synced.map((entry) => ({
    ...toCollection(entry, objectIds.get(entry.pathAsListed)),
    keepsExpunged: isGmail(client) && entry.specialUse === '\\All',
  }));
}

async function listEntries(
  connection: ImapConnection,
  options: ListOptions,
): Promise<ListResponse[]> {
  const entries = await withinListing(connection, () => connection.client.list(options));
  if (entries.length > foldersMax) throw tooManyFolders();
  return entries;
}

/**
 * Runs a command that answers with a line or two for every folder.
 * @throws ProviderFailure when the answer outgrows that of `foldersMax` folders
 */
export async function withinListing<T>(
  connection: ImapConnection,
  list: () => Promise<T>,
): Promise<T> {
  try {
    return await withinBudget(connection, folderListBudget, list);
  } catch (error) {
    // A listing that weighs too much has too many folders, however many were read.
    throw isOverBudget(error) ? tooManyFolders(error) : error;
  }
}

function tooManyFolders(cause?: unknown): ProviderFailure {
  return new ProviderFailure(
    'too-large',
    `The mailbox has more than ${foldersMax} folders; nothing of it is synced until it has fewer.`,
    { code: 'imap-too-many-folders', cause },
  );
}

/** Names hold no control characters (RFC 9051 §5.1); no command could carry one that does. */
function canBeOpened({ flags, path }: ListResponse): boolean {
  if (/\p{Cc}/u.test(path)) return false;
  return ![...flags].some((flag) => /^\\(noselect|nonexistent)$/i.test(flag));
}

function toCollection(
  entry: ListResponse,
  objectId: string | undefined,
): Omit<RemoteCollection, 'keepsExpunged'> {
  // imapflow answers a refused STATUS with false or an error in its place.
  const status = entry.status && !('error' in entry.status) ? entry.status : undefined;
  return {
    path: pathOf(entry),
    ref: entry.path,
    role: roles.get(entry.specialUse ?? ''),
    messages: Math.min(status?.messages ?? 0, messagesMax),
    // Zero is no UIDVALIDITY (RFC 9051 §9); a folder that was never opened may be listed with it.
    uidValidity: status?.uidValidity ? String(status.uidValidity) : undefined,
    objectId,
    mark: status ? markOf(status) : 'refused',
    exact: status !== undefined && modseqOf(status) !== undefined,
  };
}

function pathOf({ parent, name, delimiter }: ListResponse): string[] {
  const names = [...parent, name];
  if (names.length <= folderDepthMax) return names;
  const rest = names.slice(folderDepthMax - 1).join(delimiter);
  return [...names.slice(0, folderDepthMax - 1), rest];
}

/** Moves with new mail, expunges and renumbering; with flags too where there is a MODSEQ. */
function markOf(status: StatusObject): string {
  const { uidValidity, uidNext, messages, unseen } = status;
  return [uidValidity, uidNext, messages, modseqOf(status) ?? `u${unseen ?? ''}`].join(':');
}

/** Zero says that the folder keeps no mod-sequences (RFC 7162 §3.1.7). */
function modseqOf({ highestModseq }: StatusObject): bigint | undefined {
  return highestModseq || undefined;
}

/** The part of a mark that hints at flag changes. */
export function flagHintOf(mark: string): string {
  return mark.slice(mark.lastIndexOf(':') + 1);
}
