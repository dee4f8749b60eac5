import { changePage } from '../../domain/change-page.ts';
import { allEnded } from '../../domain/settled.ts';
import type { ChangePage, ChangesRequest } from '../../domain/provider.ts';
import { readDifferences } from './differences.ts';
import { enterFolder } from './enter-folder.ts';
import { listUids } from './listing.ts';
import { presentCursor, readLiveCursor, type LiveCursor } from './live-cursor.ts';
import { lastUid, type OpenFolder } from './open-folder.ts';
import { readMessages } from './page-stream.ts';
import type { Lease } from './session-pool.ts';

/**
 * What changed in a folder since the cursor: new mail, then flags, then what vanished. Without a
 * cursor the present position is recorded, and everything below it is history. Pages in
 * between carry the old position, moved over the new mail only, so that a slice that is cut short
 * repeats the comparison; the last page carries the position that EXAMINE showed.
 */
export async function* readChanges(
  lease: Lease,
  request: ChangesRequest,
): AsyncGenerator<ChangePage> {
  let before = readLiveCursor(request.cursor);
  const [folder, placed] = await allEnded([
    enterFolder(lease, request.collection),
    before ? placedBeyond(request, before) : Promise.resolve(false),
  ]);
  const present = presentCursor(folder.state, request.collection);
  if (!before) {
    // UIDNEXT may lie: what counts is the last message that is there.
    yield pageOf({ ...present, uidNext: (await lastUid(folder)) + 1 }, { more: false });
    return;
  }
  if (before.uidValidity !== present.uidValidity) {
    const uidNext = (await lastUid(folder)) + 1;
    yield pageOf({ ...present, uidNext }, { more: false, renumbered: true });
    return;
  }
  if (orderIsLost(before, present)) {
    // Nothing counted before can be compared; these values, which no folder has, make everything be
    // looked at, also where the folder is empty now.
    before = { ...before, modseq: null, flagHint: '', messages: -1 };
    yield pageOf(before, { reordered: true });
  }
  let at = before;
  for await (const { page, cursor } of newMail(folder, request, before, present)) {
    at = cursor;
    yield page;
  }
  for await (const found of readDifferences(folder, request, { before, present, at, placed })) {
    yield pageOf(at, found);
  }
  yield pageOf({ ...present, uidNext: at.uidNext }, { more: false });
}

/**
 * Mod-sequences of a folder only ever grow (RFC 7162 §3.1.1). Where they shrink (a restored
 * backup) or are no longer told, the order of states begins anew.
 */
function orderIsLost(before: LiveCursor, present: LiveCursor): boolean {
  if (before.modseq === null) return false;
  return present.modseq === null || BigInt(present.modseq) < BigInt(before.modseq);
}

/**
 * Whether the store has items beyond the position: a move of ours or the history put them there.
 * Whether they have gone again no counter tells, for the position counts up to itself only.
 */
async function placedBeyond({ known }: ChangesRequest, { uidNext }: LiveCursor): Promise<boolean> {
  return (await known.flags(uidNext - 1, 1)).length > 0;
}

/**
 * New mail, in ascending pages. The cursor follows the UIDs that were listed instead of UIDNEXT,
 * and where the counters do not add up the last UID is asked for: some servers state UIDNEXT too
 * high or too low.
 */
async function* newMail(
  folder: OpenFolder,
  request: ChangesRequest,
  before: LiveCursor,
  present: LiveCursor,
): AsyncGenerator<{ page: ChangePage; cursor: LiveCursor }> {
  let cursor = before;
  for await (const found of readRange(folder, request, cursor, present.uidNext - 1)) {
    cursor = found.cursor;
    yield found;
  }
  if (cursor.messages === present.messages && request.depth === 'quick') return;
  const highest = await lastUid(folder);
  const { mailbox } = folder.client;
  // What arrived since EXAMINE is beyond the counters as well; it is the next look's.
  if (mailbox && mailbox.exists === present.messages) {
    yield* readRange(folder, request, cursor, highest);
  }
}

async function* readRange(
  folder: OpenFolder,
  { bounds }: ChangesRequest,
  from: LiveCursor,
  highest: number,
): AsyncGenerator<{ page: ChangePage; cursor: LiveCursor }> {
  // A range instead of `n:*`, which always holds the last message (RFC 9051 §6.4.9).
  const range = { lowest: from.uidNext, highest };
  if (range.lowest > range.highest) return;
  const windows = listUids(folder, range, { direction: 'ascending' });
  let cursor = from;
  for await (const batch of readMessages(folder, windows, bounds)) {
    const { messages, failures, listed } = batch;
    if (batch.lastUid === undefined) continue;
    cursor = { ...cursor, uidNext: batch.lastUid + 1, messages: cursor.messages + listed };
    yield { page: pageOf(cursor, { messages, failures }), cursor };
  }
}

function pageOf(cursor: LiveCursor, content: Partial<Omit<ChangePage, 'cursor'>>): ChangePage {
  return changePage({ more: true, ...content, cursor: { ...cursor } });
}
