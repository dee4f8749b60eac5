import type {
  FlagChange,
  ItemsRequest,
  ListingPage,
  ListingRequest,
} from '../../domain/provider.ts';
import { compareBatch } from './bounds.ts';
import { enterFolder } from './enter-folder.ts';
import { translated } from './errors.ts';
import { fetchFlags } from './fetch-flags.ts';
import { listUids } from './listing.ts';
import { readLiveCursor } from './live-cursor.ts';
import type { OpenFolder } from './open-folder.ts';
import type { Lease } from './session-pool.ts';

/**
 * A folder's messages below the live cursor in their cheap form, in ascending windows: UIDs by
 * SEARCH, flags by FETCH. Both are believed about what is there; only what neither shows is missing.
 * Nothing is listed of a folder that has been renumbered since.
 */
export async function* readListing(
  lease: Lease,
  { collection, cursor, afterUid, since }: ListingRequest,
): AsyncGenerator<ListingPage> {
  const folder = await enterFolder(lease, collection);
  const position = readLiveCursor(cursor);
  if (!position || position.uidValidity !== folder.state.uidValidity) return;
  const highest = position.uidNext - 1;
  const range = { lowest: afterUid + 1, highest };
  for await (const window of listUids(folder, range, { direction: 'ascending' })) {
    for (let at = 0; at < window.length; at += compareBatch) {
      const uids = window.slice(at, at + compareBatch);
      yield await describe(folder, uids, since);
    }
  }
  yield { items: [], throughUid: highest };
}

async function describe(
  folder: OpenFolder,
  uids: readonly number[],
  since: Date | undefined,
): Promise<ListingPage> {
  const range = { lowest: uids[0]!, highest: uids.at(-1)! };
  const flags = new Map<number, FlagChange | undefined>(uids.map((uid) => [uid, undefined]));
  // What SEARCH left out comes on top; if it left out more than it said, it said nothing.
  const asked = { ...range, countMax: 2 * compareBatch };
  for (const change of await fetchFlags(folder, asked)) flags.set(change.uid, change);
  const inside = since && (await collectUids(folder, range, since));
  const items = [...flags].map(([uid, change]) => ({
    uid,
    flags: change,
    outside: inside !== undefined && !inside.has(uid),
  }));
  return { items: items.toSorted((a, b) => a.uid - b.uid), throughUid: range.highest };
}

/** Which of these messages the folder holds now. @throws ProviderFailure when it is not there */
export async function findExisting(
  lease: Lease,
  { collection, uids }: Pick<ItemsRequest, 'collection' | 'uids'>,
): Promise<number[]> {
  if (uids.length === 0) return [];
  const folder = await enterFolder(lease, collection);
  // Until then the server may go on listing what others have expunged (RFC 9051 §5.5).
  await translated(folder.client.noop());
  const sorted = uids.toSorted((a, b) => a - b);
  const there = await collectUids(folder, { lowest: sorted[0]!, highest: sorted.at(-1)! });
  return sorted.filter((uid) => there.has(uid));
}

async function collectUids(
  folder: OpenFolder,
  range: { lowest: number; highest: number },
  since?: Date,
): Promise<Set<number>> {
  const found = new Set<number>();
  for await (const uids of listUids(folder, range, { direction: 'ascending', since })) {
    for (const uid of uids) found.add(uid);
  }
  return found;
}
