import type { ItemFailure, PageBounds, RawMessage, SkipReason } from '../../domain/provider.ts';
import { hangUpParts } from './bounds.ts';
import { reopenAfterBreach } from './breaches.ts';
import { isTooMuch } from './errors.ts';
import { fetchOutlines, type Outline } from './fetch-outlines.ts';
import { fetchText } from './fetch-text.ts';
import { reopenAfterHangUp } from './hang-ups.ts';
import type { OpenFolder } from './open-folder.ts';
import { findAtFault } from './witnesses.ts';

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

/** Some messages of a chunk, which the next ones follow. */
interface Part extends Omit<MessageBatch, 'last'> {
  ends: boolean;
}

/** What is read of a chunk, within how many bytes. */
interface Selection {
  bytesMax: number;
  isWanted: (outline: Outline) => boolean;
  /** What has been found to break bounds, in whatever part. */
  culprits: Map<number, SkipReason>;
}

/** Reads the listed messages in batches within the bounds; at least one batch, maybe empty. */
export async function* readMessages(
  folder: OpenFolder,
  windows: AsyncIterable<number[]>,
  { itemsMax, bytesMax }: PageBounds,
  isWanted: (outline: Outline) => boolean = () => true,
): AsyncGenerator<MessageBatch> {
  const chunkMax = Math.min(itemsMax, folder.client.messageLimit);
  for await (const { uids, last } of chunksOf(windows, chunkMax)) {
    const selection = { bytesMax, isWanted, culprits: new Map() };
    const parts = readDespiteHangUps(folder, uids, selection);
    for await (const { ends, ...part } of parts) yield { ...part, last: last && ends };
  }
}

/**
 * Reads a chunk. Where the server ends the connection, or its answers break more bounds than a page
 * has connections for, what is left is read in smaller parts, each of which is a batch of its own:
 * what comes before the letter at fault is stored even if the session ends there. A letter that ends
 * a new session by itself, while others can be read, is a failure; why it takes that much is told in
 * hang-ups.ts.
 */
async function* readDespiteHangUps(
  folder: OpenFolder,
  chunk: readonly number[],
  selection: Selection,
): AsyncGenerator<Part> {
  const pending = [chunk];
  let [isNew, lastRead]: [boolean, number | undefined] = [false, undefined];
  for (let uids = pending.shift(); uids; uids = pending.shift()) {
    let done = 0;
    try {
      for await (const part of readPart(folder, uids, selection)) {
        [isNew, lastRead] = [false, part.messages.at(-1)?.uid ?? lastRead];
        done += part.listed;
        yield { ...part, ends: part.ends && pending.length === 0 };
      }
    } catch (error) {
      const left = uids.slice(done);
      const [uid] = left;
      if (isTooMuch(error) && left.length > 1) {
        await reopenAfterBreach(folder.lease, error);
        await folder.openAgain();
        pending.unshift(...partsOf(left));
        continue;
      }
      await reopenAfterHangUp(folder.lease, error);
      await folder.openAgain();
      if (left.length > 1 || !isNew || uid === undefined) {
        pending.unshift(...partsOf(left));
        isNew = true;
        continue;
      }
      await findAtFault(folder, { uid, error, lastRead }, readLetter);
      isNew = false;
      const failures: ItemFailure[] = [{ uid, reason: 'provider-hung-up' }];
      const ends = pending.length === 0;
      yield { messages: [], failures, lastUid: uid, outside: 0, listed: 1, ends };
    }
  }
}

function partsOf(uids: readonly number[]): (readonly number[])[] {
  const size = Math.ceil(uids.length / hangUpParts);
  const count = Math.ceil(uids.length / size);
  return Array.from({ length: count }, (_, i) => uids.slice(i * size, (i + 1) * size));
}

async function readLetter(folder: OpenFolder, uid: number): Promise<boolean> {
  const all = {
    bytesMax: Number.POSITIVE_INFINITY,
    isWanted: () => true,
    culprits: new Map(),
  };
  for await (const { messages } of readPart(folder, [uid], all)) {
    if (messages.length > 0) return true;
  }
  return false;
}

/** Each part speaks of the UIDs from behind the one before up to its last. */
async function* readPart(
  folder: OpenFolder,
  uids: readonly number[],
  { bytesMax, isWanted, culprits }: Selection,
): AsyncGenerator<Part> {
  folder.beginPage();
  const { outlines, failures } = await fetchOutlines(folder, uids, culprits);
  const batches = packByBytes(outlines.filter(isWanted), bytesMax);
  let done = 0;
  for (const [i, batch] of batches.entries()) {
    const text = await fetchText(folder, batch, culprits);
    const ends = i === batches.length - 1;
    const end = ends ? uids.length : uids.lastIndexOf(batch.at(-1)!.uid) + 1;
    const listed = uids.slice(done, end);
    const covered = new Set(listed);
    done = end;
    yield {
      messages: text.messages,
      failures: [...failures.filter(({ uid }) => covered.has(uid)), ...text.failures],
      lastUid: uids[end - 1],
      outside: outlines.filter((each) => covered.has(each.uid) && !isWanted(each)).length,
      listed: listed.length,
      ends,
    };
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
