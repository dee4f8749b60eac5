import {
  allHandlersFinished,
  condition,
  continueAsNew,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { SliceReport } from '../domain/sync.ts';
import { cautiousMs, pausedRecheckMs } from '../domain/retry.ts';
import { dayMs, secondMs } from '../domain/clock.ts';
import type { MailboxSyncInput, SyncCarry } from './contract.ts';
import { pokeMessage, statusMessage } from './messages.ts';
import { createSyncView, type SyncView } from './sync-view.ts';

/**
 * The sync loop, written once. Two loops run side by side:
 *
 *   live:     look → wait for a poke or the time that the slice named → look …
 *   backfill: import until done → compare with the provider's listing → wait until there is history
 *             to import again, or a day has passed …
 *
 * All that is wanted (run, paused, disconnected) stands in Postgres and is read by every slice;
 * the only signal is the poke. When the history grows long, the backfill loop parks after its
 * slice, the live loop goes on meanwhile, and then the run continues as new.
 */
export interface SyncActivities {
  live(input: { poked: boolean; cautious: boolean; failuresBefore: number }): Promise<SliceReport>;
  backfill(input: { failuresBefore: number }): Promise<SliceReport>;
  reconcile(input: { failuresBefore: number }): Promise<SliceReport>;
  end(input: { eraseAfter?: string }): Promise<unknown>;
}

/** A day bounds what an upgrade has to replay; 2,000 events bound what a restart has to read. */
const historyEventsMax = 2_000;
const runMsMax = dayMs;

/** Since when pokes do not end the wait after a failed import: runs that began before go on as they did. */
const waitsOutFailures = 'backfill-waits-out-failures';

/** A backfill slice that found nothing to do waits for the live loop to list the folders. */
const idleBackfillMs = 5 * secondMs;

export async function runSyncLoops(
  input: MailboxSyncInput,
  activities: SyncActivities,
): Promise<void> {
  const sync = createSync(input);
  setHandler(pokeMessage, () => {
    sync.pokes += 1;
  });
  setHandler(statusMessage, () => sync.view.status());
  const backfill = backfillLoop(sync, activities);
  const ending = await liveLoop(sync, activities);
  sync.parking = true;
  await backfill;
  if (ending === 'ended') return;
  await condition(allHandlersFinished);
  await continueAsNew<(next: MailboxSyncInput) => Promise<void>>({ ...input, carry: sync.carry });
}

interface Sync {
  carry: SyncCarry;
  view: SyncView;
  pokes: number;
  /** How often the live loop got through after a failure, went on after a pause, or took up changes. */
  recoveries: number;
  /** Whether the last look found the connection paused. */
  resting: boolean;
  parking: boolean;
  parked: boolean;
  /** Whether a slice has found that history is to be imported. */
  backfillDue: boolean;
  /** Whether a slice has found that the store is to be compared with the provider's listing. */
  reconcileDue: boolean;
  mustContinueAsNew(): boolean;
}

function createSync(input: MailboxSyncInput): Sync {
  const carry = input.carry ?? {
    version: 1,
    backfillDone: false,
    cautiousUntil: 0,
    liveFailures: 0,
    backfillFailures: 0,
  };
  const startedAt = Date.now();
  const eventsMax = input.testContinueAsNewAt ?? historyEventsMax;
  return {
    carry: { ...carry },
    view: createSyncView(input.ref),
    pokes: 1,
    recoveries: 0,
    resting: false,
    parking: false,
    parked: false,
    backfillDue: false,
    reconcileDue: false,
    mustContinueAsNew: () => {
      const { historyLength, continueAsNewSuggested } = workflowInfo();
      return (
        continueAsNewSuggested || historyLength >= eventsMax || Date.now() - startedAt >= runMsMax
      );
    },
  };
}

/** Returns `ended` when the connection's life is over, `full` when the run should start anew. */
async function liveLoop(sync: Sync, activities: SyncActivities): Promise<'ended' | 'full'> {
  for (let seen = 0; ;) {
    const poked = sync.pokes > seen;
    seen = sync.pokes;
    const cautious = Date.now() < sync.carry.cautiousUntil;
    const failuresBefore = sync.carry.liveFailures;
    const report = await activities.live({ poked, cautious, failuresBefore });
    noteLive(sync, report);
    if (report.outcome === 'disconnected') {
      if (await endUnlessPoked(sync, report, seen, activities)) return 'ended';
      continue;
    }
    if (sync.mustContinueAsNew()) sync.parking = true;
    if (sync.parked) return 'full';
    if (report.outcome === 'more') continue;
    await condition(() => sync.pokes > seen || sync.parked, waitMs(report));
    if (sync.parked && sync.pokes === seen) return 'full';
  }
}

/** History comes first: a comparison says something once all of it is there. */
async function backfillLoop(sync: Sync, activities: SyncActivities): Promise<void> {
  while (!sync.parking) {
    await condition(() => sync.backfillDue || sync.reconcileDue || sync.parking);
    if (sync.parking) break;
    const { pokes: seen, recoveries } = sync;
    const work = sync.backfillDue ? 'backfill' : 'reconcile';
    const report = await activities[work]({ failuresBefore: sync.carry.backfillFailures });
    noteBackfill(sync, report, work);
    if (report.outcome === 'done') {
      if (work === 'backfill') sync.backfillDue = false;
    } else if (work === 'reconcile' && !sync.reconcileDue) {
      // Paused or disconnected: the live loop says when there is something to compare again.
      continue;
    } else if (report.outcome === 'failed' && patched(waitsOutFailures)) {
      // A poke tells of new mail; that an import may work again is what the live loop finds out.
      await condition(() => sync.recoveries > recoveries || sync.parking, waitMs(report));
    } else if (report.outcome !== 'more') {
      await condition(() => sync.pokes > seen || sync.parking, waitMs(report));
    } else if (work === 'backfill' && report.stored + report.updated === 0) {
      await condition(() => sync.parking, idleBackfillMs);
    }
  }
  sync.parked = true;
}

/** Keeps a disconnected connection until its data is due, then ends it, unless it comes back. */
async function endUnlessPoked(
  sync: Sync,
  report: SliceReport,
  seen: number,
  activities: SyncActivities,
): Promise<boolean> {
  const { eraseAfter } = report;
  const due = eraseAfter === undefined ? 0 : Date.parse(eraseAfter) - Date.now();
  if (due > 0 && (await condition(() => sync.pokes > seen, due))) return false;
  await activities.end(eraseAfter === undefined ? {} : { eraseAfter });
  sync.view.ended();
  // Somebody who connected again while it was ended has poked: look once more before leaving.
  return sync.pokes === seen;
}

function noteLive(sync: Sync, report: SliceReport): void {
  const hasFailed = sync.carry.liveFailures > 0 && report.outcome !== 'failed';
  const hasRested = sync.resting && report.outcome !== 'paused';
  if (hasFailed || hasRested || report.takenUp) sync.recoveries += 1;
  sync.resting = report.outcome === 'paused';
  sync.carry.liveFailures = report.outcome === 'failed' ? sync.carry.liveFailures + 1 : 0;
  if (report.surprised) sync.carry.cautiousUntil = Date.now() + cautiousMs;
  const working = report.outcome === 'done' || report.outcome === 'more';
  if (working) {
    sync.backfillDue = !report.progress.backfillDone;
    sync.reconcileDue = report.progress.reconcileDue;
  }
  sync.carry.backfillDone = report.progress.backfillDone;
  sync.view.live(report);
}

function noteBackfill(sync: Sync, report: SliceReport, work: 'backfill' | 'reconcile'): void {
  sync.carry.backfillFailures = report.outcome === 'failed' ? sync.carry.backfillFailures + 1 : 0;
  sync.carry.backfillDone = report.progress.backfillDone;
  // No activity has to signal for it: a signal costs four events more.
  if (report.lookDue) sync.pokes += 1;
  const resting = report.outcome === 'paused' || report.outcome === 'disconnected';
  sync.reconcileDue = !resting && report.progress.reconcileDue;
  sync.view[work](report);
}

function waitMs(report: SliceReport): number {
  if (report.nextAttemptAt === undefined) return pausedRecheckMs;
  return Math.max(Date.parse(report.nextAttemptAt) - Date.now(), secondMs);
}
