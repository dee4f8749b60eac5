import type { MailSession } from '../../domain/provider.ts';
import { pageBounds } from './bounds.ts';
import type { SyncFolder } from './folders.ts';
import { storePage } from './store-slice-page.ts';
import type { Slice } from './slice.ts';

/** What became of items that were to be read again, besides those that are stored now. */
export interface Refilled {
  /** No longer there. */
  gone: Set<number>;
  /** Received before the depth that the member asked for: the listing by days was not exact. */
  older: Set<number>;
}

/** Items asked for at once: their UIDs make one command. */
const refillBatch = 400;

/**
 * Reads items again and stores them, whatever stands in their place. Undefined when the slice's
 * time ran out: what is stored by then is found so the next time.
 */
export async function refill(
  { slice, session, folder }: { slice: Slice; session: MailSession; folder: SyncFolder },
  uids: number[],
): Promise<Refilled | undefined> {
  const refilled: Refilled = { gone: new Set(), older: new Set() };
  for (let at = 0; at < uids.length; at += refillBatch) {
    const batch = uids.slice(at, at + refillBatch);
    await readBatch(slice, session, folder, batch, refilled);
    if (at + refillBatch < uids.length && slice.pulse()) return undefined;
  }
  return refilled;
}

async function readBatch(
  slice: Slice,
  session: MailSession,
  folder: SyncFolder,
  uids: number[],
  refilled: Refilled,
): Promise<void> {
  const gone = new Set(uids);
  for await (const read of session.items({
    collection: folder.remote,
    uids,
    bounds: pageBounds,
  })) {
    const { since } = slice;
    const older = read.messages.filter(({ receivedAt }) => since && receivedAt < since);
    for (const { uid } of older) refilled.older.add(uid);
    // The buffers move to the thread with the page: what is needed of it is read first.
    for (const { uid } of [...read.messages, ...read.failures]) gone.delete(uid);
    const messages = read.messages.filter(({ uid }) => !refilled.older.has(uid));
    const page = { messages, failures: read.failures, cursor: {}, more: false, listed: undefined };
    await storePage(slice, folder, 'repair', page, slice.startedAt);
  }
  for (const uid of gone) refilled.gone.add(uid);
}
