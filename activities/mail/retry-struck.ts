import { dropStrikes, listStruckItems } from '../../db/queries/sync/strikes.ts';
import type { MailSession } from '../../domain/provider.ts';
import { pageBounds } from './bounds.ts';
import type { SyncFolder } from './folders.ts';
import type { Slice } from './slice.ts';
import { preparePage, storePreparedPage } from './store-slice-page.ts';

/**
 * Looks again at the items that failed before: they are stored, struck once more, or forgotten
 * when the provider no longer has them. The cursors stay where they are.
 */
export async function retryStruck(
  slice: Slice,
  session: MailSession,
  folders: SyncFolder[],
): Promise<void> {
  const struck = await listStruckItems(slice.deps.database, slice.licence);
  for (const folder of folders) {
    const uids = struck.get(folder.id);
    if (!uids) continue;
    const missing = new Set(uids);
    const pages = session.items({ collection: folder.remote, uids, bounds: pageBounds });
    for await (const { messages, failures } of pages) {
      // The buffers move to the thread with the page: what is needed of it is read first.
      for (const { uid } of [...messages, ...failures]) missing.delete(uid);
      const page = { messages, failures, cursor: {}, more: false, listed: undefined };
      await storePreparedPage(slice, folder, 'repair', await preparePage(slice, folder, page));
    }
    if (missing.size > 0) {
      await slice.write((tx) => dropStrikes(tx, slice.licence, folder.id, [...missing]));
    }
  }
}
