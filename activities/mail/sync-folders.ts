import { emptyFolder, hideFolder, type StoredFolder } from '../../db/queries/sync/folders.ts';
import { storeFolders } from '../../db/queries/sync/store-folders.ts';
import { takeTurns } from '../../db/queries/ingest/take-turns.ts';
import type { FolderName } from '../../domain/connection.ts';
import type { MailSession, RemoteCollection } from '../../domain/provider.ts';
import { sealJson } from '../../domain/sealed-json.ts';
import {
  byRank,
  matchFolders,
  toSyncFolder,
  type ListedFolder,
  type SyncFolder,
} from './folders.ts';
import { findRenames } from './renames.ts';
import type { Slice } from './slice.ts';

/** A listed folder under the id that it has or gets. */
interface NamedFolder extends ListedFolder {
  id: string;
  renamed: boolean;
}

/**
 * Brings the store's folders in line with a complete listing of the provider's: new ones appear,
 * renamed ones keep their id, those that are gone are hidden with what only they held. Returns the
 * folders to sync, those people look at first in front.
 */
export async function syncFolders(
  slice: Slice,
  session: MailSession,
  remote: RemoteCollection[],
  stored: StoredFolder[],
): Promise<SyncFolder[]> {
  const matched = matchFolders(slice, remote, stored);
  const present = new Set(matched.map(({ old }) => old?.id));
  const unlisted = stored.filter((folder) => !folder.hidden && !present.has(folder.id));
  const renames = await findRenames(slice, session, unlisted, matched);
  const listed = nameFolders(slice, matched, stored, renames);
  const renamed = new Set([...renames.values()].map(({ id }) => id));
  const gone = unlisted.filter((folder) => !renamed.has(folder.id));
  const changed = listed.filter((folder) => hasChanged(slice, folder));
  if (changed.length > 0 || gone.length > 0) {
    slice.counts.removed += await writeFolders(slice, changed, gone);
  }
  return listed
    .filter(({ collection }) => !isExcluded(slice, collection))
    .map(({ collection, id, old }) => toSyncFolder(collection, id, old))
    .toSorted(byRank);
}

async function writeFolders(
  slice: Slice,
  changed: NamedFolder[],
  gone: StoredFolder[],
): Promise<number> {
  const { licence } = slice;
  const { caughtUpAt } = slice.facts;
  return await slice.write(async (tx) => {
    await takeTurns(tx, licence);
    let removed = 0;
    for (const { id } of gone) {
      removed += await hideFolder(tx, licence, id, { caughtUpAt, inferred: true });
    }
    // A name that a renamed folder has left may belong to a new one at once.
    const ordered = changed.toSorted((a, b) => Number(b.renamed) - Number(a.renamed));
    const rows = ordered.map(({ collection, id, nameIndex, objectIndex }) => ({
      id,
      nameIndex,
      objectIndex,
      name: sealName(slice, id, collection),
      role: collection.role,
      uidValidity: collection.uidValidity,
      excluded: isExcluded(slice, collection),
      messages: collection.messages,
    }));
    await storeFolders(tx, licence, rows, caughtUpAt);
    for (const { id, collection, old } of changed) {
      const wasOpen = old !== undefined && !old.hidden && !old.excluded;
      if (!wasOpen || !isExcluded(slice, collection)) continue;
      removed += await emptyFolder(tx, licence, id, caughtUpAt);
    }
    return removed;
  });
}

function nameFolders(
  { vault, licence }: Slice,
  matched: ListedFolder[],
  stored: StoredFolder[],
  renames: Map<RemoteCollection, StoredFolder>,
): NamedFolder[] {
  const taken = new Set(stored.map(({ id }) => id));
  const freeId = (nameIndex: string, { ref }: RemoteCollection): string => {
    let id = nameIndex;
    // The id that this name would give belongs to a folder that was renamed since.
    for (let nth = 1; taken.has(id); nth += 1) {
      id = vault.index('folder', licence.connectionId, ref, String(nth));
    }
    return id;
  };
  return matched.map((folder) => {
    const { collection, nameIndex } = folder;
    const renamed = renames.get(collection);
    const old = renamed ?? folder.old;
    const id = old?.id ?? freeId(nameIndex, collection);
    return { ...folder, old, id, renamed: renamed !== undefined };
  });
}

function hasChanged(slice: Slice, folder: NamedFolder): boolean {
  const { collection, old, renamed, objectIndex } = folder;
  if (!old || old.hidden || renamed || old.objectIndex !== objectIndex) return true;
  const { uidValidity } = collection;
  // A server may list 0 for a folder that it has not indexed yet; once synced, renumbering decides.
  const renumbered = uidValidity !== undefined && old.uidValidity !== uidValidity;
  if (old.liveCursor === null && renumbered) return true;
  return old.role !== (collection.role ?? null) || old.excluded !== isExcluded(slice, collection);
}

function isExcluded({ profile }: Slice, { path }: RemoteCollection): boolean {
  return profile.excludedFolders.some(
    (excluded) =>
      excluded.length <= path.length && excluded.every((name, level) => name === path[level]),
  );
}

function sealName({ vault }: Slice, id: string, { path, ref }: RemoteCollection): Uint8Array {
  const name: FolderName = { path, ref };
  return sealJson(vault, { table: 'folders', column: 'name', rowId: id }, name);
}
