import { dropStrikes, type StruckItems } from '../../db/queries/sync/strikes.ts';
import type { MailSession, PageBounds, SkipReason } from '../../domain/provider.ts';
import { pageBounds } from './bounds.ts';
import { despiteTrouble } from './folder-trouble.ts';
import type { SyncFolder } from './folders.ts';
import type { Slice } from './slice.ts';
import { storePage } from './store-slice-page.ts';

/** Pages of one: of the items of a poisoned page, only the one at fault fails again. */
const alone: PageBounds = { ...pageBounds, itemsMax: 1 };
const isSuspect = (reason: SkipReason): boolean =>
  reason === 'undecodable' || reason === 'unstorable';

/**
 * Items at which the server hung up, or which broke a bound, cost connections, of which a session has
 * few: most of them are left to new mail. Those that are tried in vain are quarantined in the end, and
 * make room for the next.
 */
const costly: Partial<Record<SkipReason, number>> = { 'provider-hung-up': 2, 'too-large': 20 };

/**
 * Looks again at the items that failed before: they are stored, struck once more, or forgotten
 * when the provider no longer has them. The cursors stay where they are.
 */
export async function retryStruck(
  slice: Slice,
  session: MailSession,
  folders: SyncFolder[],
  struck: StruckItems,
): Promise<void> {
  const left = { ...costly };
  for (const folder of folders) {
    // Of a folder that is found renumbered, the strikes go when that is taken in.
    const items = struck.get(folder.id)?.filter((item) => item.uidValidity === folder.uidValidity);
    if (!items) continue;
    const tried = items.filter(({ reason }) => {
      const more = left[reason] ?? Number.POSITIVE_INFINITY;
      left[reason] = more - 1;
      return more > 0;
    });
    const uidsOf = (isOne: (reason: SkipReason) => boolean) =>
      tried.filter(({ reason }) => isOne(reason)).map(({ uid }) => uid);
    const isHungUp = (reason: SkipReason): boolean => reason === 'provider-hung-up';
    const others = uidsOf((reason) => !isHungUp(reason) && !isSuspect(reason));
    await despiteTrouble(slice, folder, async () => {
      await readAgain(slice, session, folder, others, pageBounds);
      await readAgain(slice, session, folder, uidsOf(isSuspect), alone);
      await readAgain(slice, session, folder, uidsOf(isHungUp), alone);
      return true;
    });
  }
}

async function readAgain(
  slice: Slice,
  session: MailSession,
  folder: SyncFolder,
  uids: number[],
  bounds: PageBounds,
): Promise<void> {
  if (uids.length === 0) return;
  const missing = new Set(uids);
  for await (const read of session.items({ collection: folder.remote, uids, bounds })) {
    const { messages, failures } = read;
    // The buffers move to the thread with the page: what is needed of it is read first.
    for (const { uid } of [...messages, ...failures]) missing.delete(uid);
    const page = { messages, failures, cursor: {}, more: false, listed: undefined };
    await storePage(slice, folder, 'repair', page);
  }
  if (missing.size > 0) {
    await slice.write((tx) => dropStrikes(tx, slice.licence, folder, [...missing]));
  }
}
