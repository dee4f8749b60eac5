import { eraseHidden, eraseHiddenPlaces } from '../../db/queries/sync/erase.ts';
import { together } from '../../db/pipeline.ts';
import { eraseFinishedIntents, listPendingIntents } from '../../db/queries/sync/intents.ts';
import { listStoredFolders, recordMark } from '../../db/queries/sync/folders.ts';
import { createKnownItems } from '../../db/queries/sync/known-items.ts';
import {
  recordAbilities,
  recordBackfill,
  recordCaughtUp,
  recordSafetyLook,
} from '../../db/queries/sync/status.ts';
import { listStruckItems } from '../../db/queries/sync/strikes.ts';
import { withTenant } from '../../db/tenant.ts';
import { minuteMs } from '../../domain/clock.ts';
import type { ChangesRequest, MailSession } from '../../domain/provider.ts';
import { safetyTimeMs, watchedSafetyTimeMs, withJitter } from '../../domain/retry.ts';
import { allEnded } from '../../domain/settled.ts';
import type { SliceReport } from '../../domain/sync.ts';
import type { ActivityDeps } from '../deps.ts';
import { pageBounds } from './bounds.ts';
import { despiteTrouble, isOverAfterLook, worthTrying } from './folder-trouble.ts';
import { readStoredFolders, type SyncFolder } from './folders.ts';
import { settleDeletions } from './held-deletions.ts';
import { carryOutIntents, intentBatchSize } from './intents/carry-out.ts';
import type { Unsettled } from './intents/context.ts';
import { retryStruck } from './retry-struck.ts';
import { emptyReport, reportOf } from './run-slice.ts';
import { openSlice, withSession, type Slice, type SliceLife, type SliceTarget } from './slice.ts';
import { labelId, storePage } from './store-slice-page.ts';
import { syncFolders } from './sync-folders.ts';

/** A watch that gave no sign for so long is not trusted to announce changes. */
const watchTrustMs = 10 * minuteMs;

/** An intent that waits for a renumbered folder looks again this soon; the import takes minutes. */
const intentRetryMs = minuteMs;

/** Erasing is bounded per slice, so that new mail never waits for it. */
const erasePerSliceMax = 2_000;

export interface LiveSliceInput extends SliceTarget {
  /** Somebody said that something changed; otherwise it is a safety poll. */
  poked: boolean;
  /** The watch missed something lately. */
  cautious: boolean;
  failuresBefore: number;
}

/** One look at everything that may have changed, in every folder. */
export async function runLiveSlice(
  deps: ActivityDeps,
  input: LiveSliceInput,
  life: SliceLife,
): Promise<SliceReport> {
  const opened = await openSlice(deps, input, life);
  if (opened.kind === 'disconnected') {
    deps.mail.dismiss(input.connectionId);
    const report = await emptyReport(deps, input, 'disconnected');
    return { ...report, ...(opened.eraseAfter && { eraseAfter: opened.eraseAfter.toISOString() }) };
  }
  if (opened.kind === 'paused') return await emptyReport(deps, input, 'paused');
  const { slice, takenUp } = opened;
  let nextAttemptAt = nextPoll(slice, input, false);
  const report = await reportOf(slice, 'live', input.failuresBefore, async () => {
    const { complete, exact, safety, again, waiting } = await withSession(slice, (session) =>
      syncAll(slice, session, input),
    );
    const cautious = input.cautious || isSurprised(slice, input);
    nextAttemptAt = waiting ? soon() : nextPoll(slice, { cautious }, exact);
    if (complete) await settle(slice, safety, nextAttemptAt);
    return complete && !again ? 'done' : 'more';
  });
  const noted = { ...report, ...(takenUp && { takenUp }) };
  if (report.failure) return noted;
  const surprised = isSurprised(slice, input);
  return { ...noted, surprised, nextAttemptAt: nextAttemptAt.toISOString() };
}

/** What a look at all folders came to. */
interface Look extends Unsettled {
  complete: boolean;
  /** Whether the provider's counters show every change. */
  exact: boolean;
  /** Whether it is one that looks deeper than the counters, and erases what is due. */
  safety: boolean;
}

async function syncAll(slice: Slice, session: MailSession, input: LiveSliceInput): Promise<Look> {
  await noteAbilities(slice, session);
  const list = async () => {
    const remote = await session.collections();
    return await syncFolders(slice, session, remote, await readStoredFolders(slice));
  };
  const { remote, stored, pending, struck } = await readBeginning(slice, session);
  // What people asked for goes first, so that the look at the mailbox finds it done.
  const { folders, ...left } = await carryOutIntents(
    { ...{ slice, session, list }, folders: await syncFolders(slice, session, remote, stored) },
    pending,
  );
  // Where counters don't show every change, neither does a watch: polls have to stay frequent.
  const exact = folders.every((folder) => folder.remote.exact);
  const standsIn = input.poked && isSafetyDue(slice, input, exact);
  if (standsIn) await slice.write((tx) => recordSafetyLook(tx, slice.licence, slice.startedAt));
  const safety = !input.poked || standsIn;
  await retryStruck(slice, session, folders, struck);
  // Only a safety look has time for folders that cost connections.
  for (const folder of worthTrying(folders, safety ? undefined : 0)) {
    const depth = depthOf(folder, safety);
    const unchanged = folder.mark === folder.remote.mark && folder.liveCursor !== null;
    if (unchanged && depth === 'quick') continue;
    const syncIt = () => syncChanges(slice, session, folder, depth);
    if (!(await despiteTrouble(slice, folder, syncIt, isOverAfterLook))) {
      return { ...left, complete: false, exact, safety };
    }
  }
  // Last, so that what was moved has shown up at its new place.
  return { ...left, complete: await settleDeletions(slice, session, folders), exact, safety };
}

/** What a look begins with: provider and store are asked side by side. */
async function readBeginning(slice: Slice, session: MailSession) {
  const { deps, licence } = slice;
  const [remote, [stored, pending, struck]] = await allEnded([
    session.collections(),
    withTenant(deps.database, licence.tenantId, (tx) =>
      together(
        listStoredFolders(tx, licence),
        listPendingIntents(tx, licence, '0', intentBatchSize),
        listStruckItems(tx, licence),
      ),
    ),
  ]);
  return { remote, stored, pending, struck };
}

/** A server may gain or lose an extension whenever it is set up anew. */
async function noteAbilities(slice: Slice, { abilities }: MailSession): Promise<void> {
  if (slice.facts.abilities?.join() === abilities.join()) return;
  await slice.write((tx) => recordAbilities(tx, slice.licence, abilities));
}

/**
 * A folder without a mark has had something done to it that counters do not show: mail may have gone,
 * and flags may have changed, before the store had what the change was about.
 */
function depthOf({ mark, remote }: SyncFolder, safety: boolean): ChangesRequest['depth'] {
  return mark === null || (safety && !remote.exact) ? 'full' : 'quick';
}

/** Applies one folder's changes. Returns false when the slice's time ran out before the end. */
async function syncChanges(
  slice: Slice,
  session: MailSession,
  folder: SyncFolder,
  depth: ChangesRequest['depth'],
): Promise<boolean> {
  const { deps, licence } = slice;
  const pages = session.changes({
    collection: folder.remote,
    cursor: folder.liveCursor,
    known: createKnownItems(deps.database, licence.tenantId, folder.id, (keyword) =>
      labelId(slice, keyword),
    ),
    depth,
    bounds: pageBounds,
  });
  for await (const page of pages) {
    await storePage(slice, folder, 'live', page);
    if (slice.pulse() && page.more) return false;
  }
  const counters = { ...folder.remote, from: folder.mark, historyDone: folder.backfillDone };
  await slice.write((tx) => recordMark(tx, licence, folder.id, counters));
  return true;
}

async function settle(slice: Slice, safety: boolean, nextAttemptAt: Date): Promise<void> {
  const { licence, startedAt } = slice;
  await slice.write(async (tx) => {
    await recordCaughtUp(tx, licence, { startedAt, nextAttemptAt, safety });
    if (safety) await eraseFinishedIntents(tx, licence, erasePerSliceMax);
    await recordBackfill(tx, licence);
  });
  if (!safety) return;
  await slice.write((tx) => eraseHidden(tx, licence, erasePerSliceMax));
  await slice.write((tx) => eraseHiddenPlaces(tx, licence, erasePerSliceMax));
}

/** When something waits for a folder that is being listed anew. */
function soon(): Date {
  return new Date(Date.now() + withJitter(intentRetryMs, Math.random()));
}

/** Whether a safety poll found what the watch should have announced. */
function isSurprised(slice: Slice, { poked }: LiveSliceInput): boolean {
  const { stored, updated, removed } = slice.counts;
  return !poked && stored + updated + removed > 0 && isWatched(slice);
}

function isWatched({ facts, startedAt }: Slice): boolean {
  return facts.watchSeenAt !== null && +startedAt - +facts.watchSeenAt < watchTrustMs;
}

function nextPoll(slice: Slice, input: Pick<LiveSliceInput, 'cautious'>, exact: boolean): Date {
  return new Date(Date.now() + withJitter(safetyWaitMs(slice, input, exact), Math.random()));
}

/** Every poke puts the safety poll off: where they keep coming, one of their looks stands in for it. */
function isSafetyDue(
  slice: Slice,
  input: Pick<LiveSliceInput, 'cautious'>,
  exact: boolean,
): boolean {
  const { now, safetyLookedAt } = slice.facts;
  if (safetyLookedAt === null) return true;
  return +now - +safetyLookedAt >= safetyWaitMs(slice, input, exact);
}

function safetyWaitMs(
  slice: Slice,
  { cautious }: Pick<LiveSliceInput, 'cautious'>,
  exact: boolean,
): number {
  return isWatched(slice) && exact && !cautious ? watchedSafetyTimeMs : safetyTimeMs;
}
