import { isHistoryBeginning } from '../../db/queries/ingest/cursors.ts';
import { listStoredFolders, type StoredFolder } from '../../db/queries/sync/folders.ts';
import { withTenant } from '../../db/tenant.ts';
import type { FolderRole } from '../../domain/mail.ts';
import type { Cursor, RemoteCollection } from '../../domain/provider.ts';
import type { Slice } from './slice.ts';

/** A folder at the provider beside what the store knows of it. */
export interface SyncFolder extends Pick<
  StoredFolder,
  'id' | 'liveCursor' | 'backfillCursor' | 'backfillDone' | 'mark' | 'trouble'
> {
  remote: RemoteCollection;
  role: FolderRole | null;
  uidValidity: string;
  /** The live loop's position when the history begins; null where an earlier slice began it. */
  historyFrom: Cursor | null;
}

/** A listed folder with the store's folder of that name, shown or hidden. */
export interface ListedFolder {
  collection: RemoteCollection;
  nameIndex: string;
  objectIndex: string | null;
  old: StoredFolder | undefined;
}

/**
 * The listed folders that the live loop has taken in already. New, renamed and vanished ones are
 * its business alone, so that two loops never judge one listing differently.
 */
export async function knownFolders(
  slice: Slice,
  remote: RemoteCollection[],
): Promise<SyncFolder[]> {
  const listed = matchFolders(slice, remote, await readStoredFolders(slice));
  return listed
    .filter(({ old }) => old !== undefined && !old.hidden && !old.excluded)
    .map(({ collection, old }) => toSyncFolder(collection, old!.id, old))
    .toSorted(byRank);
}

export async function readStoredFolders({ deps, licence }: Slice): Promise<StoredFolder[]> {
  return await withTenant(deps.database, licence.tenantId, (tx) => listStoredFolders(tx, licence));
}

/** Finds the store's folder of each listed name; where several had it, the one that is shown. */
export function matchFolders(
  { vault, licence }: Slice,
  remote: RemoteCollection[],
  stored: StoredFolder[],
): ListedFolder[] {
  const byName = new Map(stored.map((folder) => [folder.nameIndex, folder]));
  for (const folder of stored) if (!folder.hidden) byName.set(folder.nameIndex, folder);
  return remote.map((collection) => {
    const { ref, objectId } = collection;
    const nameIndex = vault.index('folder', licence.connectionId, ref);
    const objectIndex =
      objectId === undefined ? null : vault.index('folder', licence.connectionId, '', objectId);
    return { collection, nameIndex, objectIndex, old: byName.get(nameIndex) };
  });
}

export function toSyncFolder(
  remote: RemoteCollection,
  id: string,
  old: StoredFolder | undefined,
): SyncFolder {
  const known = old?.hidden ? undefined : old;
  return {
    id,
    remote,
    role: remote.role ?? null,
    uidValidity: remote.uidValidity ?? '',
    liveCursor: known?.liveCursor ?? null,
    backfillCursor: known?.backfillCursor ?? null,
    historyFrom: known && isHistoryBeginning(known.backfillCursor) ? known.liveCursor : null,
    backfillDone: known?.backfillDone ?? false,
    mark: known?.mark ?? null,
    trouble: known?.trouble ?? null,
  };
}

const order: (FolderRole | null)[] = ['inbox', 'sent', 'drafts', null, 'archive', 'all'];

/** Those people look at first come first. */
export function byRank(a: SyncFolder, b: SyncFolder): number {
  return rank(a.role) - rank(b.role);
}

function rank(role: FolderRole | null): number {
  const at = order.indexOf(role);
  return at < 0 ? order.length : at;
}
