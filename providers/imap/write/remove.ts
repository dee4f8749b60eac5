import type { RemoteCollection } from '../../../domain/provider.ts';
import { listAmong, stillThere } from '../listing.ts';
import type { Lease } from '../session-pool.ts';
import { canExpungeSome } from './abilities.ts';
import { storeFlags } from './change-flags.ts';
import { runForUids } from './command.ts';
import { removalUnsupported } from './refusals.ts';
import { withSelected, type SelectedFolder } from './selected.ts';

/**
 * Deletes messages for good. Without UIDPLUS (RFC 4315) a server only knows EXPUNGE, which takes
 * everything that anybody has marked as deleted: such a deletion is refused.
 *
 * @returns which of the UIDs were there before, and are gone now
 */
export async function deleteMessages(
  lease: Lease,
  { collection, uids }: { collection: RemoteCollection; uids: number[] },
): Promise<{ gone: number[] }> {
  return await withSelected(lease, collection, async (folder) => {
    const present = await listAmong(folder, uids);
    await expunge(folder, present);
    const left = new Set(await stillThere(folder, present));
    return { gone: present.filter((uid) => !left.has(uid)) };
  });
}

/** Marks these messages as deleted and expunges them, and no others. */
export async function expunge(folder: SelectedFolder, uids: readonly number[]): Promise<void> {
  if (uids.length === 0) return;
  if (!canExpungeSome(folder.client)) throw removalUnsupported();
  await storeFlags(folder, uids, '+FLAGS.SILENT', ['\\Deleted']);
  await runForUids(folder.client, 'UID EXPUNGE', uids);
}
