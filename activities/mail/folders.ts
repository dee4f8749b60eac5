import {
  emptyFolders,
  hideFolders,
  listStoredFolders,
  storeFolders,
  type StoredFolder,
} from '../../db/queries/sync/folders.ts';
import { withTenant } from '../../db/tenant.ts';
import type { FolderName } from '../../domain/connection.ts';
import type { FolderRole } from '../../domain/mail.ts';
import type { RemoteCollection } from '../../domain/provider.ts';
import { sealJson } from '../../domain/sealed-json.ts';
import type { Slice } from './slice.ts';

/** A folder at the provider beside what the store knows of it. */
export interface SyncFolder extends Pick<
  StoredFolder,
  'id' | 'liveCursor' | 'backfillCursor' | 'backfillDone' | 'mark'
> {
  remote: RemoteCollection;
  role: FolderRole | null;
  uidValidity: string;
}

/**
 * Brings the store's folders in line with a complete listing of the provider's: new ones appear,
 * those that are gone are hidden with what only they held. Returns the folders to sync, those
 * people look at first in front.
 */
export async function syncFolders(slice: Slice, remote: RemoteCollection[]): Promise<SyncFolder[]> {
  const { deps, licence, profile } = slice;
  const excluded = new Set(profile.excludedFolders.map((path) => JSON.stringify(path)));
  const isExcluded = (collection: RemoteCollection): boolean =>
    collection.path.some((_, i) => excluded.has(JSON.stringify(collection.path.slice(0, i + 1))));
  const listed = remote.map((collection) => ({ collection, id: folderId(slice, collection) }));
  const before = await withTenant(deps.database, licence.tenantId, (tx) =>
    listStoredFolders(tx, licence),
  );
  const stored = new Map(before.map((folder) => [folder.id, folder]));
  const changed = listed.filter(({ collection, id }) => {
    const old = stored.get(id);
    if (!old || old.hidden) return true;
    // A server may list 0 for a folder that it has not indexed yet; once synced, renumbering decides.
    if (old.liveCursor === null && old.uidValidity !== (collection.uidValidity ?? null))
      return true;
    return old.role !== (collection.role ?? null) || old.excluded !== isExcluded(collection);
  });
  const ids = new Set(listed.map(({ id }) => id));
  const gone = before.filter((folder) => !folder.hidden && !ids.has(folder.id));
  if (changed.length > 0 || gone.length > 0) {
    slice.counts.removed += await slice.write(async (tx) => {
      const rows = changed.map(({ collection, id }) => ({
        id,
        name: sealName(slice, id, collection),
        role: collection.role,
        uidValidity: collection.uidValidity,
        excluded: isExcluded(collection),
        messages: collection.messages,
      }));
      await storeFolders(tx, licence, rows);
      const { caughtUpAt } = slice.facts;
      const shut = rows.filter(({ id, excluded: isShut }) => isShut && wasOpen(stored.get(id)));
      const shutOut = await emptyFolders(tx, licence, idsOf(shut), caughtUpAt);
      return shutOut + (await hideFolders(tx, licence, idsOf(gone), caughtUpAt));
    });
  }
  return listed
    .filter(({ collection }) => !isExcluded(collection))
    .map(({ collection, id }) => toSyncFolder(collection, id, stored.get(id)))
    .toSorted((a, b) => rank(a.role) - rank(b.role));
}

const idsOf = (folders: { id: string }[]): string[] => folders.map(({ id }) => id);

function wasOpen(old: StoredFolder | undefined): boolean {
  return old !== undefined && !old.hidden && !old.excluded;
}

function folderId({ vault, licence }: Slice, collection: RemoteCollection): string {
  return vault.index('folder', licence.connectionId, collection.ref);
}

function sealName({ vault }: Slice, id: string, { path, ref }: RemoteCollection): Uint8Array {
  const name: FolderName = { path, ref };
  return sealJson(vault, { table: 'folders', column: 'name', rowId: id }, name);
}

function toSyncFolder(
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
    backfillDone: known?.backfillDone ?? false,
    mark: known?.mark ?? null,
  };
}

const order: (FolderRole | null)[] = ['inbox', 'sent', 'drafts', null, 'archive', 'all'];

function rank(role: FolderRole | null): number {
  const at = order.indexOf(role);
  return at < 0 ? order.length : at;
}
