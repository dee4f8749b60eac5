import { sampleTwins, type StoredFolder } from '../../db/queries/sync/folders.ts';
import { withTenant } from '../../db/tenant.ts';
import type { MailSession, RemoteCollection } from '../../domain/provider.ts';
import { pageBounds } from './bounds.ts';
import type { ListedFolder } from './folders.ts';
import { isFoldersOwn } from './folder-trouble.ts';
import type { Slice } from './slice.ts';

/** Messages that have to be found again under the new name; some may have gone meanwhile. */
const sampleMax = 20;

/**
 * Recognises vanished folders under a new name: by the provider's own id of them (RFC 8474 §4), else
 * by the same UIDVALIDITY and, at the same UIDs, the same messages (RFC 9051 §6.3.6 keeps both).
 * UIDVALIDITY alone proves nothing: many servers give the same one to many folders. Where there is
 * no proof, the messages keep their ids as twins.
 */
export async function findRenames(
  slice: Slice,
  session: MailSession,
  gone: StoredFolder[],
  listed: ListedFolder[],
): Promise<Map<RemoteCollection, StoredFolder>> {
  const renames = new Map<RemoteCollection, StoredFolder>();
  const free = new Set(gone.filter(({ liveCursor }) => liveCursor !== null));
  for (const fresh of listed) {
    if (free.size === 0) break;
    if (fresh.old && !fresh.old.hidden) continue;
    for (const folder of free) {
      if (!(await isSame(slice, session, folder, fresh))) continue;
      renames.set(fresh.collection, folder);
      free.delete(folder);
      break;
    }
  }
  return renames;
}

async function isSame(
  slice: Slice,
  session: MailSession,
  folder: StoredFolder,
  { collection, objectIndex }: ListedFolder,
): Promise<boolean> {
  if (folder.uidValidity !== (collection.uidValidity ?? null)) return false;
  if (folder.objectIndex && objectIndex) return folder.objectIndex === objectIndex;
  if (collection.messages === 0) return false;
  try {
    return await holdsSameMessages(slice, session, folder, collection);
  } catch (error) {
    if (isFoldersOwn(error)) return false;
    throw error;
  }
}

async function holdsSameMessages(
  slice: Slice,
  session: MailSession,
  folder: StoredFolder,
  collection: RemoteCollection,
): Promise<boolean> {
  const { deps, licence } = slice;
  const twins = await withTenant(deps.database, licence.tenantId, (tx) =>
    sampleTwins(tx, licence, folder.id, sampleMax),
  );
  if (twins.size === 0) return false;
  const uids = [...twins.keys()];
  let same = 0;
  for await (const { messages } of session.items({ collection, uids, bounds: pageBounds })) {
    const sealed = await deps.encoder.encode({
      tenantId: licence.tenantId,
      connectionId: licence.connectionId,
      folderId: folder.id,
      uidValidity: collection.uidValidity ?? '',
      folderRole: collection.role ?? null,
      ownAddressIds: slice.ownAddressIds,
      knownIds: new Map(),
      messages,
    });
    for (const { uid, twinIndex } of sealed.messages) {
      if (twins.get(uid) !== twinIndex) return false;
      same += 1;
    }
  }
  return same > 0;
}
