import type { FlagChange, KnownItem, KnownItems } from '../../domain/provider.ts';
import {
  changedRowsSlack,
  compareBatch,
  flagBatch,
  flagBatchCharsMax,
  vanishedBytesMax,
} from './bounds.ts';
import { responseTooLarge, translated } from './errors.ts';
import { fetchFlags } from './fetch-flags.ts';
import { readFlags } from './flags.ts';
import { isGmail } from './gmail.ts';
import { listUids, type UidRange } from './listing.ts';
import { throughLimit } from './message-limit.ts';
import type { OpenFolder } from './open-folder.ts';
import { holdsUid, readUidRanges, type UidRanges } from './uid-ranges.ts';

/** What a set costs besides its own text. */
const setOverheadBytes = 100;

export interface Differences {
  vanished: number[];
  flagChanges: FlagChange[];
}

/**
 * Flag changes since a mod-sequence (RFC 7162 §3.1.4) of UIDs up to `highest`, in batches. Returns
 * the UIDs up to there that the server says have vanished since then (§3.2.6), or undefined where
 * QRESYNC is not spoken.
 */
export async function* changesSince(
  folder: OpenFolder,
  modseq: bigint,
  highest: number,
): AsyncGenerator<FlagChange[], UidRanges | undefined> {
  const { client } = folder;
  const sets: string[] = [];
  let bytes = 0;
  client.vanishedEarlier = (set) => {
    bytes += set.length + setOverheadBytes;
    // A server may go on for ever, one UID a line.
    if (bytes <= vanishedBytesMax) sets.push(set);
    else client.close();
  };
  try {
    const range = { lowest: 1, highest };
    const changes = throughLimit(client, range, (part) => streamChanges(folder, part, modseq));
    yield* inBatches(folder, changes);
  } catch (error) {
    throw bytes > vanishedBytesMax ? responseTooLarge(error) : error;
  } finally {
    client.vanishedEarlier = undefined;
  }
  return client.enabled.has('QRESYNC') ? readUidRanges(sets, highest) : undefined;
}

/** A server may tell of one message without end: in a batch the last row of each counts. */
async function* inBatches(
  { client }: OpenFolder,
  changes: AsyncIterable<FlagChange>,
): AsyncGenerator<FlagChange[]> {
  const rowsMax = 2 * (client.mailbox ? client.mailbox.exists : 0) + changedRowsSlack;
  let [rows, chars] = [0, 0];
  const batch = new Map<number, FlagChange>();
  for await (const change of changes) {
    rows += 1;
    if (rows > rowsMax) throw responseTooLarge();
    batch.set(change.uid, change);
    chars += change.keywords.reduce((sum, { length }) => sum + length, 0);
    if (batch.size < flagBatch && chars < flagBatchCharsMax) continue;
    yield [...batch.values()];
    batch.clear();
    chars = 0;
  }
  if (batch.size > 0) yield [...batch.values()];
}

/**
 * Compares the store's items inside ranges of UIDs with the server, batch by batch in ascending
 * order. Only a complete listing of a range makes an item of it vanish.
 */
export async function* compareKnown(
  folder: OpenFolder,
  known: KnownItems,
  within: UidRanges,
  wanted: { vanished: boolean; flags: boolean },
): AsyncGenerator<Differences> {
  const [lowest, highest] = [within.ranges[0]?.first ?? 1, within.ranges.at(-1)?.last ?? 0];
  for (let after = lowest - 1; after < highest;) {
    const batch = await known.flags(after, compareBatch);
    const items = batch.filter(({ uid }) => holdsUid(within, uid));
    if (items.length > 0) {
      const found = {
        vanished: wanted.vanished ? await vanishedOf(folder, items) : [],
        flagChanges: wanted.flags ? await changedFlags(folder, known, items) : [],
      };
      if (found.vanished.length > 0 || found.flagChanges.length > 0) yield found;
    }
    if (batch.length < compareBatch) return;
    after = batch.at(-1)!.uid;
  }
}

async function vanishedOf(
  folder: OpenFolder,
  items: readonly { uid: number }[],
): Promise<number[]> {
  const missing = new Set(items.map(({ uid }) => uid));
  const range = { lowest: items[0]!.uid, highest: items.at(-1)!.uid };
  for await (const uids of listUids(folder, range, { direction: 'ascending' })) {
    for (const uid of uids) missing.delete(uid);
  }
  return [...missing];
}

async function changedFlags(
  folder: OpenFolder,
  known: KnownItems,
  items: readonly KnownItem[],
): Promise<FlagChange[]> {
  const stored = new Map(items.map((item) => [item.uid, item]));
  const shown = await fetchFlags(folder, [...stored.keys()]);
  return shown.filter(({ uid, flags, keywords }) => {
    const item = stored.get(uid)!;
    return item.flags !== flags || item.labels !== known.labelsOf(keywords);
  });
}

/** Rows are taken one by one, so that a folder of a million messages is never held at once. */
async function* streamChanges(
  { client }: OpenFolder,
  { lowest, highest }: UidRange,
  changedSince: bigint,
): AsyncGenerator<FlagChange> {
  const hasLabels = isGmail(client);
  const rows = client.fetch(
    `${lowest}:${highest}`,
    { uid: true, flags: true, labels: true },
    { uid: true, changedSince },
  );
  try {
    for (;;) {
      const row = await translated(rows.next());
      if (row.done) return;
      const { uid, flags, labels, modseq } = row.value;
      // Rows without what was asked for tell nothing; rows of other UIDs were not asked for.
      if (!flags || (hasLabels && !labels)) continue;
      if (!uid || uid < lowest || uid > highest) continue;
      yield { uid, ...readFlags(flags, labels), version: modseq ?? 0n };
    }
  } finally {
    await rows.return(undefined);
  }
}
