import type { ChangePage, ChangesRequest, FlagChange } from '../../domain/provider.ts';
import { compareKnown, flagsSince } from './compare.ts';
import { listUids } from './listing.ts';
import { presentCursor, readLiveCursor, type LiveCursor } from './live-cursor.ts';
import { openFolder, type OpenFolder } from './open-folder.ts';
import { readMessages } from './page-stream.ts';
import { readAhead } from './read-ahead.ts';
import type { Lease } from './session-pool.ts';

/** What changed in a folder since the cursor: new mail, then flags, then what vanished. */
export function readChanges(lease: Lease, request: ChangesRequest): AsyncGenerator<ChangePage> {
  return readAhead(readPages(lease, request));
}

/**
 * Without a cursor the present position is recorded, and everything below it is history. Pages in
 * between carry the old position, moved over the new mail only, so that a slice that is cut short
 * repeats the comparison; the last page carries the position that EXAMINE showed.
 */
async function* readPages(lease: Lease, request: ChangesRequest): AsyncGenerator<ChangePage> {
  const folder = await openFolder(lease, request.collection);
  const present = presentCursor(folder.state, request.collection);
  const before = readLiveCursor(request.cursor);
  if (!before) {
    yield pageOf(present, { more: false });
    return;
  }
  if (before.uidValidity !== present.uidValidity) {
    yield pageOf(present, { more: false, renumbered: true });
    return;
  }
  let at = before;
  for await (const { page, cursor } of newMail(folder, request, before, present)) {
    at = cursor;
    yield page;
  }
  yield* flagChanges(folder, before, present, at);
  yield* comparison(folder, request, { before, present, at });
  yield pageOf(present, { more: false });
}

async function* newMail(
  folder: OpenFolder,
  { bounds }: ChangesRequest,
  before: LiveCursor,
  present: LiveCursor,
): AsyncGenerator<{ page: ChangePage; cursor: LiveCursor }> {
  // A range instead of `n:*`, which always holds the last message (RFC 9051 §6.4.9).
  const range = { lowest: before.uidNext, highest: present.uidNext - 1 };
  if (range.lowest > range.highest) return;
  const windows = listUids(folder, range, { direction: 'ascending' });
  let cursor = before;
  for await (const { messages, failures, lastUid, listed } of readMessages(
    folder,
    windows,
    bounds,
  )) {
    if (lastUid === undefined) continue;
    cursor = { ...cursor, uidNext: lastUid + 1, messages: cursor.messages + listed };
    yield { page: pageOf(cursor, { messages, failures }), cursor };
  }
}

async function* flagChanges(
  folder: OpenFolder,
  before: LiveCursor,
  present: LiveCursor,
  at: LiveCursor,
): AsyncGenerator<ChangePage> {
  if (before.modseq === null || present.modseq === null || before.modseq === present.modseq) return;
  for await (const changes of flagsSince(folder, BigInt(before.modseq), before.uidNext - 1)) {
    yield pageOf(at, { flagChanges: changes });
  }
}

/**
 * Compares what the store knows with the server, as far as the counters or the depth ask for it.
 * Nothing vanished when the messages of before and the new ones add up to those that exist
 * (facts of RFC 9051 §2.3.1.1); with QRESYNC the server would say what vanished instead.
 */
async function* comparison(
  folder: OpenFolder,
  { known, depth }: ChangesRequest,
  { before, present, at }: Record<'before' | 'present' | 'at', LiveCursor>,
): AsyncGenerator<ChangePage> {
  const full = depth === 'full';
  const hasModseq = before.modseq !== null && present.modseq !== null;
  const wanted = {
    vanished: full || at.messages !== present.messages,
    flags: full || (!hasModseq && before.flagHint !== present.flagHint),
  };
  if (!wanted.vanished && !wanted.flags) return;
  for await (const found of compareKnown(folder, known, before.uidNext - 1, wanted)) {
    yield pageOf(at, { ...found, inferred: true });
  }
}

function pageOf(
  cursor: LiveCursor,
  content: Partial<Omit<ChangePage, 'cursor'>> & { flagChanges?: FlagChange[] },
): ChangePage {
  return {
    messages: [],
    failures: [],
    flagChanges: [],
    vanished: [],
    inferred: false,
    renumbered: false,
    listed: undefined,
    more: true,
    ...content,
    cursor: { ...cursor },
  };
}
