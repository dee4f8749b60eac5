import { readReconciliation } from '../../db/queries/sync/reconciliation-runs.ts';
import { recordFailure, recordPause, recordState } from '../../db/queries/sync/status.ts';
import { readSyncFacts } from '../../db/queries/sync/status.ts';
import { together } from '../../db/pipeline.ts';
import { withTenant, withTenantWrite } from '../../db/tenant.ts';
import { secondMs } from '../../domain/clock.ts';
import {
  FencedError,
  OvertakenError,
  ProviderFailure,
  ProviderPause,
} from '../../domain/failure.ts';
import { waitAfterFailureMs } from '../../domain/retry.ts';
import { stateAfterFailure, type SliceReport } from '../../domain/sync.ts';
import type { Loop } from '../../db/queries/ingest/store-page.ts';
import type { ActivityDeps } from '../deps.ts';
import type { Slice, SliceCounts, SliceTarget } from './slice.ts';

const nothing: SliceCounts = { stored: 0, updated: 0, removed: 0, skipped: 0 };

/**
 * Turns what a slice ended with into its report. Provider trouble is an outcome, not an error:
 * the workflow waits as the failure's kind demands. Any other error is ours and is thrown.
 */
export async function reportOf(
  slice: Slice,
  loop: Loop,
  failuresBefore: number,
  work: () => Promise<'done' | 'more'>,
): Promise<SliceReport> {
  const { deps, licence, counts } = slice;
  try {
    const outcome = await work();
    const paused = slice.wanted() === 'paused';
    return await report(deps, licence, paused ? 'paused' : outcome, counts);
  } catch (error) {
    if (error instanceof FencedError) {
      // A transition came in between: the session's login is void, or may be. The next slice reads
      // what is wanted now.
      deps.mail.dismiss(licence.connectionId);
      return await report(deps, licence, 'more', counts);
    }
    // The next slice begins where the other one has come to.
    if (error instanceof OvertakenError) return await report(deps, licence, 'more', counts);
    // It was us who closed the session, or gave up waiting for one: nothing speaks against the provider.
    if (endedByUs(slice, error)) return await report(deps, licence, 'more', counts);
    if (error instanceof ProviderPause) return await reportPause(slice, loop, error);
    if (!(error instanceof ProviderFailure)) throw error;
    return await reportFailure(slice, loop, failuresBefore, error);
  }
}

function endedByUs({ cancelled }: Slice, error: unknown): boolean {
  return cancelled.aborted && (error instanceof ProviderFailure || error === cancelled.reason);
}

/** A report of a slice that did nothing. */
export async function emptyReport(
  deps: ActivityDeps,
  target: SliceTarget,
  outcome: SliceReport['outcome'],
): Promise<SliceReport> {
  return await report(deps, target, outcome, nothing);
}

async function report(
  deps: ActivityDeps,
  target: Omit<SliceTarget, 'capability'> & { capability: string },
  outcome: SliceReport['outcome'],
  counts: SliceCounts,
): Promise<SliceReport> {
  const [facts, reconciliation] = await withTenant(deps.database, target.tenantId, (tx) =>
    together(readSyncFacts(tx, target), readReconciliation(tx, target)),
  );
  const { stored, expected, skips, backfillDone, deletionsHeld } = facts;
  const { due: reconcileDue, last: lastReconciliation } = reconciliation;
  const totals = { stored, expected, skips, backfillDone, deletionsHeld };
  return { outcome, ...counts, progress: { ...totals, reconcileDue, lastReconciliation } };
}

/** The pause stays as it is: it is the provider's, and nothing has failed again. */
async function reportPause(
  { deps, licence, counts }: Slice,
  loop: Loop,
  { ms }: ProviderPause,
): Promise<SliceReport> {
  const nextAttemptAt = new Date(Date.now() + Math.max(ms, secondMs));
  if (loop === 'live') {
    await withTenantWrite(deps.database, licence.tenantId, (tx) =>
      recordState(tx, licence, 'throttled', { reason: 'rate-limited', nextAttemptAt }),
    );
  }
  const ended = await report(deps, licence, 'failed', counts);
  const failure = { kind: 'rate-limited' as const };
  return { ...ended, nextAttemptAt: nextAttemptAt.toISOString(), failure };
}

async function reportFailure(
  { deps, licence, counts }: Slice,
  loop: Loop,
  failuresBefore: number,
  failure: ProviderFailure,
): Promise<SliceReport> {
  const { kind, code, retryAt } = failure;
  const nextAttemptAt = await withTenantWrite(deps.database, licence.tenantId, async (tx) => {
    const loginStrikes = await recordFailure(tx, licence, kind);
    const facts = { kind, retryAt, failures: failuresBefore + 1, loginStrikes };
    const next = new Date(Date.now() + waitAfterFailureMs(facts, Date.now(), Math.random()));
    const isPause = kind === 'rate-limited' || kind === 'quota-exhausted';
    if (isPause && retryAt) await recordPause(tx, licence, retryAt.getTime() - Date.now());
    // The backfill's trouble is no reason to call a live connection degraded.
    if (loop === 'live') {
      const reason = code ?? kind;
      await recordState(tx, licence, stateAfterFailure(kind), { reason, nextAttemptAt: next });
    }
    return next;
  });
  deps.log.warn({ connectionId: licence.connectionId, loop, kind, code }, 'slice failed');
  const ended = await report(deps, licence, 'failed', counts);
  return {
    ...ended,
    nextAttemptAt: nextAttemptAt.toISOString(),
    failure: { kind, ...(code !== undefined && { code }) },
  };
}
