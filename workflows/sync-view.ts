import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { stateAfterFailure, type SliceReport, type SyncState } from '../domain/sync.ts';
import { searchAttributes, type ConnectionRef } from './contract.ts';

/** What an operator reads in the Temporal UI: state, counts and the next attempt, in words. */
export interface SyncView {
  live(report: SliceReport): void;
  backfill(report: SliceReport): void;
  ended(): void;
  status(): string;
}

export function createSyncView(ref: ConnectionRef): SyncView {
  let state: SyncState = 'connecting';
  let live: SliceReport | undefined;
  let backfill: SliceReport | undefined;
  const show = (next: SyncState): void => {
    // An attribute costs an action: it is written when it changes, not at every slice.
    if (next !== state) {
      upsertSearchAttributes([{ key: searchAttributes.syncState, value: next }]);
    }
    state = next;
    setCurrentDetails(describe(ref, state, live, backfill));
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
    ended: () => show('disconnected'),
    status: () => describe(ref, state, live, backfill),
  };
}

function stateOf(report: SliceReport): SyncState {
  if (report.outcome === 'paused') return 'paused';
  if (report.outcome === 'disconnected') return 'disconnecting';
  if (report.failure) return stateAfterFailure(report.failure.kind);
  return report.progress.backfillDone ? 'live' : 'backfilling';
}

function describe(
  ref: ConnectionRef,
  state: SyncState,
  live: SliceReport | undefined,
  backfill: SliceReport | undefined,
): string {
  const progress = backfill?.progress ?? live?.progress;
  const lines = [`**${state}** (${ref.provider}, ${ref.capability})`, ''];
  if (progress) {
    const { stored, expected, skips } = progress;
    const share = expected === 0 ? '' : `, ${((100 * stored) / expected).toFixed(1)} %`;
    lines.push(`- stored ${stored} of ${expected}${share}; skipped ${skips}`);
  }
  if (live) lines.push(`- last look: ${sentence(live)}`);
  if (backfill) lines.push(`- last import: ${sentence(backfill)}`);
  const next = live?.nextAttemptAt;
  if (next !== undefined) lines.push(`- looks again by ${next.slice(0, 19)}Z at the latest`);
  return lines.join('\n');
}

function sentence({ outcome, stored, updated, removed, skipped, failure }: SliceReport): string {
  if (failure) return `failed (${failure.code ?? failure.kind})`;
  return `${outcome}: ${stored} new, ${updated} changed, ${removed} gone, ${skipped} skipped`;
}
