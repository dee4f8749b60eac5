import type { ItemFailure, PageBounds, RawMessage } from '../../domain/provider.ts';
import { fetchOutlines, type Outline } from './fetch-outlines.ts';
import { fetchText } from './fetch-text.ts';
import type { OpenFolder } from './open-folder.ts';

/** Some messages, read completely, and how far the reading came with them. */
export interface MessageBatch {
  messages: RawMessage[];
  failures: ItemFailure[];
  /** The last UID, in the order of reading, that is done with; undefined when nothing was listed. */
  lastUid: number | undefined;
  /** Messages that the filter left out. */
  outside: number;
  /** UIDs of the listing that this batch covers. */
  listed: number;
  last: boolean;
}

/** Reads the listed messages in batches within the bounds; at least one batch, maybe empty. */
export async function* readMessages(
  folder: OpenFolder,
  windows: AsyncIterable<number[]>,
  bounds: PageBounds,
  isWanted: (outline: Outline) => boolean = () => true,
): AsyncGenerator<MessageBatch> {
  const chunkMax = Math.min(bounds.itemsMax, folder.client.messageLimit);
  for await (const { uids, last } of chunksOf(windows, chunkMax)) {
    const { outlines, failures } = await fetchOutlines(folder, uids);
    const batches = packByBytes(outlines.filter(isWanted), bounds.bytesMax);
    let from = 0;
    for (const [i, batch] of batches.entries()) {
      const text = await fetchText(folder, batch);
      const ends = i === batches.length - 1;
      const to = ends ? uids.length : uids.indexOf(batch.at(-1)!.uid, from) + 1;
      // What the position passes is told with it: nobody comes back for what lies behind.
      const covered = new Set(uids.slice(from, to));
      const isCovered = ({ uid }: { uid: number }): boolean => covered.has(uid);
      yield {
        messages: text.messages,
        failures: [...failures.filter(isCovered), ...text.failures],
        lastUid: to > 0 ? uids[to - 1] : undefined,
        outside: outlines.filter((outline) => isCovered(outline) && !isWanted(outline)).length,
        listed: to - from,
        last: last && ends,
      };
      from = to;
    }
  }
}

/** Chunks across windows; only the last one, which may be empty, is marked so. */
async function* chunksOf(
  windows: AsyncIterable<number[]>,
  size: number,
): AsyncGenerator<{ uids: number[]; last: boolean }> {
  let pending: number[] = [];
  for await (const window of windows) {
    pending = [...pending, ...window];
    let at = 0;
    for (; pending.length - at > size; at += size) {
      yield { uids: pending.slice(at, at + size), last: false };
    }
    pending = pending.slice(at);
  }
  yield { uids: pending, last: true };
}

/** Splits where text and headers would exceed the bound; one message alone may exceed it. */
function packByBytes(outlines: readonly Outline[], bytesMax: number): Outline[][] {
  const batches: Outline[][] = [[]];
  let bytes = 0;
  for (const outline of outlines) {
    const own = outline.plan.bytes + outline.header.length;
    if (bytes + own > bytesMax && batches.at(-1)!.length > 0) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)!.push(outline);
    bytes += own;
  }
  return batches;
}
