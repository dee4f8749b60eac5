import { listIntentsOfFolders } from '../../db/queries/intents.ts';
import { sampleTwins, type StoredFolder } from '../../db/queries/sync/folders.ts';
import { withTenant } from '../../db/tenant.ts';
import { overlayPath } from '../../domain/intent.ts';
import type { MailSession, RemoteCollection } from '../../domain/provider.ts';
import { openFolderIntents, openFolderName } from '../../domain/sealed-intent.ts';
import { pageBounds } from './bounds.ts';
import type { ListedFolder } from './folders.ts';
import { isFoldersOwn } from './folder-trouble.ts';
import type { Slice } from './slice.ts';

/** Messages that have to be found again under the new name; some may have gone meanwhile. */
const sampleMax = 20;

/**
 * Recognises vanished folders under a new name: by the provider's own id of them (RFC 8474 §4), else
 * by the same UIDVALIDITY and, at the same UIDs, the same messages (RFC 9051 §6.3.6 keeps both).
 * UIDVALIDITY alone proves nothing: many servers give the same one to many folders. A folder without
 * messages is recognised where the new name is one that was asked for through the API. Where there
 * is no proof, the messages keep their ids as twins.
 */
export async function findRenames(
  slice: Slice,
  session: MailSession,
  gone: StoredFolder[],
  listed: ListedFolder[],
): Promise<Map<RemoteCollection, StoredFolder>> {
  const renames = new Map<RemoteCollection, StoredFolder>();
  const free = new Set(gone);
  const wishes = await readWishes(slice, [...free]);
  for (const fresh of listed) {
    if (free.size === 0) break;
    if (fresh.old && !fresh.old.hidden) continue;
    for (const folder of free) {
      if (!(await isSame(slice, session, { folder, fresh, wishes }))) continue;
      renames.set(fresh.collection, folder);
      free.delete(folder);
      break;
    }
  }
  return renames;
}

/** The names that a folder was asked to have, one after the other, by folder. */
type Wishes = Map<string, Set<string>>;

/** A rename is pending until the provider shows it, so one that was carried out is among them. */
async function readWishes(slice: Slice, gone: StoredFolder[]): Promise<Wishes> {
  if (gone.length === 0) return new Map();
  const { deps, licence, vault } = slice;
  const { tenantId, connectionId } = licence;
  const asked = await withTenant(deps.database, tenantId, (tx) =>
    listIntentsOfFolders(tx, tenantId, [connectionId]),
  );
  const chained = openFolderIntents(
    vault,
    asked.filter(({ state }) => state === 'pending'),
  );
  const namesOf = ({ id, name }: StoredFolder): string[] => {
    const { path } = openFolderName(vault, id, name);
    const paths = chained.map((_, i) => overlayPath(path, id, chained.slice(0, i + 1)));
    return paths.flatMap((wished) => (wished ? [nameOf(wished)] : []));
  };
  return new Map(gone.map((folder) => [folder.id, new Set(namesOf(folder))]));
}

function nameOf(path: string[]): string {
  return JSON.stringify(path);
}

async function isSame(
  slice: Slice,
  session: MailSession,
  { folder, fresh, wishes }: { folder: StoredFolder; fresh: ListedFolder; wishes: Wishes },
): Promise<boolean> {
  const { collection, objectIndex } = fresh;
  if (folder.uidValidity !== (collection.uidValidity ?? null)) return false;
  if (folder.objectIndex && objectIndex) return folder.objectIndex === objectIndex;
  if (collection.messages === 0) {
    return folder.stored === 0 && wishes.get(folder.id)?.has(nameOf(collection.path)) === true;
  }
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
