import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { stateAfterFailure, type SliceReport, type SyncState } from '../domain/sync.ts';
import { completenessOf, type ReconciliationTotals } from '../domain/reconciliation.ts';
import { searchAttributes, type ConnectionRef } from './contract.ts';

/** What an operator reads in the Temporal UI: state, counts and the next attempt, in words. */
export interface SyncView {
  live(report: SliceReport): void;
  backfill(report: SliceReport): void;
  reconcile(report: SliceReport): void;
  ended(): void;
  status(): string;
}

export function createSyncView(ref: ConnectionRef): SyncView {
  let state: SyncState = 'connecting';
  let live: SliceReport | undefined;
  let backfill: SliceReport | undefined;
  let reconcile: SliceReport | undefined;
  const text = () => describe(ref, state, { live, backfill, reconcile });
  const show = (next: SyncState): void => {
    // An attribute costs an action: it is written when it changes, not at every slice.
    if (next !== state) {
      upsertSearchAttributes([{ key: searchAttributes.syncState, value: next }]);
    }
    state = next;
    setCurrentDetails(text());
  };
  return {
    live: (report) => {
      live = report;
      show(stateOf(report));
    },
    backfill: (report) => {
      backfill = report;
      const done = report.progress.backfillDone;
      show(state === 'backfilling' && done ? 'live' : state);
    },
    reconcile: (report) => {
      reconcile = report;
      show(state);
    },
    ended: () => show('disconnected'),
    status: text,
  };
}

function stateOf(report: SliceReport): SyncState {
  if (report.outcome === 'paused') return 'paused';
  if (report.outcome === 'disconnected') return 'disconnecting';
  if (report.failure) return stateAfterFailure(report.failure.kind);
  if (report.progress.deletionsHeld > 0) return 'confirm-deletions';
  return report.progress.backfillDone ? 'live' : 'backfilling';
}

interface LatestReports {
  live: SliceReport | undefined;
  backfill: SliceReport | undefined;
  reconcile: SliceReport | undefined;
}

function describe(ref: ConnectionRef, state: SyncState, latest: LatestReports): string {
  const { live, backfill, reconcile } = latest;
  const progress = backfill?.progress ?? live?.progress;
  const lines = [`**${state}** (${ref.provider}, ${ref.capability})`, ''];
  if (progress) {
    const { stored, expected, skips } = progress;
    const share = expected === 0 ? '' : `, ${((100 * stored) / expected).toFixed(1)} %`;
    lines.push(`- stored ${stored} of ${expected}${share}; skipped ${skips}`);
  }
  const last = reconcile?.progress.lastReconciliation ?? live?.progress.lastReconciliation;
  if (last) lines.push(`- ${completenessSentence(last)}`);
  const held = live?.progress.deletionsHeld ?? 0;
  if (held > 0) lines.push(`- ${held} deletions wait until the mailbox's owner confirms them`);
  if (live) lines.push(`- last look: ${sentence(live)}`);
  if (backfill) lines.push(`- last import: ${sentence(backfill)}`);
  if (reconcile) lines.push(`- last comparison: ${sentence(reconcile)}`);
  const next = live?.nextAttemptAt;
  if (next !== undefined) lines.push(`- looks again by ${next.slice(0, 19)}Z at the latest`);
  return lines.join('\n');
}

function completenessSentence(last: ReconciliationTotals): string {
  // Never rounded up to all.
  const percent = (Math.floor(1_000 * completenessOf(last)) / 10).toFixed(1);
  const { listed, missingBefore, missingAfter, finishedAt } = last;
  return (
    `complete: ${percent} % of ${listed} at ${finishedAt.slice(0, 19)}Z; ` +
    `missing before ${missingBefore}, after ${missingAfter}`
  );
}

function sentence({ outcome, stored, updated, removed, skipped, failure }: SliceReport): string {
  if (failure) return `failed (${failure.code ?? failure.kind})`;
  return `${outcome}: ${stored} new, ${updated} changed, ${removed} gone, ${skipped} skipped`;
}
