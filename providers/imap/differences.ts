import type { ChangePage, ChangesRequest, KnownItems } from '../../domain/provider.ts';
import { flagBatch, namedVanishedMax, uidMax } from './bounds.ts';
import { changesSince, compareKnown } from './compare.ts';
import type { LiveCursor } from './live-cursor.ts';
import type { OpenFolder } from './open-folder.ts';
import { allUids, holdsUid, uidBatches, type UidRanges } from './uid-ranges.ts';

/** Where the changes began, where EXAMINE found the folder, and where the new mail has led. */
export interface Position extends Record<'before' | 'present' | 'at', LiveCursor> {
  /** Whether the store had items beyond the beginning already. */
  placed: boolean;
}

type Found = Partial<Pick<ChangePage, 'flagChanges' | 'vanished' | 'inferred'>>;

/**
 * What became of the messages below the position of before: flags that changed, then what
 * vanished. As much is asked of the server as counters and depth call for, and no more.
 */
export async function* readDifferences(
  folder: OpenFolder,
  request: ChangesRequest,
  position: Position,
): AsyncGenerator<Found> {
  const named = yield* changedFlags(folder, position);
  yield* namedVanished(folder, request.known, position, named);
  yield* comparison(folder, request, position, named);
  if (position.placed) yield* beyond(folder, request.known, position.before);
}

/** Returns which UIDs the server itself says have vanished, undefined where it does not say. */
async function* changedFlags(
  folder: OpenFolder,
  { before, present }: Position,
): AsyncGenerator<Found, UidRanges | undefined> {
  if (before.modseq === null || present.modseq === null || before.modseq === present.modseq) {
    return undefined;
  }
  if (before.uidNext <= 1) return undefined;
  const changes = changesSince(folder, BigInt(before.modseq), before.uidNext - 1);
  for (;;) {
    const step = await changes.next();
    if (step.done) return step.value;
    yield { flagChanges: step.value };
  }
}

/**
 * Vanished UIDs as the server named them. They are believed when they add up with its counters. It
 * may name more than it lost, when it no longer remembers exactly (RFC 7162 §3.2.5.1): then those
 * count that a listing does not show.
 */
async function* namedVanished(
  folder: OpenFolder,
  known: KnownItems,
  position: Position,
  named: UidRanges | undefined,
): AsyncGenerator<Found> {
  if (!named || named.count === 0) return;
  if (named.count === lostOf(position) && named.count <= namedVanishedMax) {
    for (const vanished of uidBatches(named, flagBatch)) yield { vanished };
    return;
  }
  const wanted = { vanished: true, flags: false };
  for await (const { vanished } of compareKnown(folder, known, named, wanted)) yield { vanished };
}

/**
 * Compares the store's items with a listing. Nothing vanished when the messages of before and the
 * new ones add up to those that exist (facts of RFC 9051 §2.3.1.1).
 */
async function* comparison(
  folder: OpenFolder,
  { known, depth }: ChangesRequest,
  position: Position,
  named: UidRanges | undefined,
): AsyncGenerator<Found> {
  const { before, present } = position;
  const full = depth === 'full';
  const lost = lostOf(position);
  const hasModseq = before.modseq !== null && present.modseq !== null;
  const wanted = {
    vanished: full || (named ? named.count < lost : lost !== 0),
    flags: full || (!hasModseq && before.flagHint !== present.flagHint),
  };
  if (!wanted.vanished && !wanted.flags) return;
  const below = allUids(before.uidNext - 1);
  for await (const found of compareKnown(folder, known, below, wanted)) {
    const vanished = found.vanished.filter((uid) => !named || !holdsUid(named, uid));
    yield { ...found, vanished, inferred: true };
  }
}

/** Compares what the store had beyond the position, before the look, with a listing. */
async function* beyond(
  folder: OpenFolder,
  known: KnownItems,
  { uidNext }: LiveCursor,
): AsyncGenerator<Found> {
  const within = { ranges: [{ first: uidNext, last: uidMax }], count: uidMax - uidNext + 1 };
  const wanted = { vanished: true, flags: false };
  for await (const { vanished } of compareKnown(folder, known, within, wanted)) {
    yield { vanished, inferred: true };
  }
}

/** How many messages are fewer than those of before and the new ones together. */
function lostOf({ at, present }: Position): number {
  return at.messages - present.messages;
}
