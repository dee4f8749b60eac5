import type { ProgressRow } from '../db/queries/progress.ts';
import { hourMs, minuteMs, secondMs } from '../domain/clock.ts';
import { completenessOf } from '../domain/reconciliation.ts';
import { safetyTimeMs, watchedSafetyTimeMs } from '../domain/retry.ts';
import { troubledStates, type SyncState } from '../domain/sync.ts';

/** A watch that has not been heard of for so long is not counted on: it sweeps every few minutes. */
const watchAliveMs = 15 * minuteMs;

/** Jitter, a slice's own time and a queue: what a healthy connection may be late by. */
const latenessMs = 5 * minuteMs;

/** Behind for so long, a connection that calls itself live is degraded. */
const degradedLagMs = hourMs;

/** A capability's state as people read it. */
export interface SyncView {
  state: SyncState;
  reason: string | null;
  lagSeconds: number | null;
  watchAgeSeconds: number | null;
  /** Share of what the provider lists that is stored; null while nobody can say. */
  completeness: number | null;
}

/** Derives state, lag and completeness from what was measured, not from who last said "fine". */
export function viewSync(row: ProgressRow): SyncView {
  const nowMs = Date.parse(row.now);
  const lagMs = lagOf(row, nowMs);
  const { state, reason } = stateOf(row, lagMs);
  return {
    state,
    reason,
    lagSeconds: lagMs === null ? null : Math.round(lagMs / secondMs),
    watchAgeSeconds: ageSeconds(row.watchSeenAt, nowMs),
    completeness: completenessOfRow(row, lagMs),
  };
}

/**
 * Age of the oldest change that may not be stored: since a sign of one, or since the store last
 * equalled the provider when the next look is overdue. Null before the first look.
 */
function lagOf(row: ProgressRow, nowMs: number): number | null {
  if (row.state === 'disconnected' || row.caughtUpAt === null) {
    return row.behindSince === null ? null : age(row.behindSince, nowMs);
  }
  const behind = row.behindSince === null ? 0 : age(row.behindSince, nowMs);
  const watched = row.watchSeenAt !== null && age(row.watchSeenAt, nowMs) <= watchAliveMs;
  const allowed = (watched ? watchedSafetyTimeMs * 1.1 : safetyTimeMs * 1.1) + latenessMs;
  const unseen = age(row.caughtUpAt, nowMs);
  return Math.max(behind, unseen > allowed ? unseen : 0);
}

function stateOf(row: ProgressRow, lagMs: number | null): Pick<SyncView, 'state' | 'reason'> {
  const { wanted, state, reason, renewed } = row;
  // What a person asked for shows at once; the workflow follows.
  if (wanted === 'disconnected' && state !== 'disconnected') {
    return { state: 'disconnecting', reason: null };
  }
  if (wanted === 'paused') return { state: 'paused', reason: null };
  if (wanted === 'run' && (state === 'paused' || state === 'disconnected')) {
    return { state: 'connecting', reason: null };
  }
  if (renewed && troubledStates.includes(state)) return { state: 'connecting', reason: null };
  if (state === 'live' && row.backfillDoneAt === null) return { state: 'backfilling', reason };
  if (state === 'live' && lagMs !== null && lagMs > degradedLagMs) {
    return { state: 'degraded', reason: 'behind' };
  }
  return { state, reason };
}

/**
 * As the last reconciliation found it. Before the first it can be said only when the counts explain
 * every listed item.
 */
function completenessOfRow(row: ProgressRow, lagMs: number | null): number | null {
  if (row.backfillDoneAt === null) return null;
  if (row.reconciliation) return completenessOf(row.reconciliation);
  if (lagMs !== 0 || row.stored + row.skips !== row.expected) return null;
  return row.expected === 0 ? 1 : row.stored / row.expected;
}

function age(instant: string, nowMs: number): number {
  return Math.max(0, nowMs - Date.parse(instant));
}

function ageSeconds(instant: string | null, nowMs: number): number | null {
  return instant === null ? null : Math.round(age(instant, nowMs) / secondMs);
}
