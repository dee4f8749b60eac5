import { Context } from '@temporalio/activity';
import type { ActivityDeps } from './deps.ts';
import { runBackfillSlice, type BackfillSliceInput } from './mail/backfill-slice.ts';
import { endConnection, type EndInput } from './mail/erase-connection.ts';
import { goFirst } from './mail/live-first.ts';
import { runLiveSlice, type LiveSliceInput } from './mail/live-slice.ts';
import { runReconcileSlice, type ReconcileSliceInput } from './mail/reconcile-slice.ts';
import type { SliceLife } from './mail/slice.ts';
import { withSafeFailures } from './safe-failure.ts';
import { holdWatchShard } from './watch/hold-watch-shard.ts';
import { createHostGate } from './watch/host-gate.ts';

/** A heartbeat at least this often, so that a killed worker is noticed within 15 s. */
const heartbeatIntervalMs = 4_000;

/** The activities that workflows call, over injected dependencies. */
export function createActivities(deps: ActivityDeps) {
  const gate = createHostGate();
  return {
    runLiveSlice: (input: LiveSliceInput) =>
      alive((life) => goFirst(input.connectionId, () => runLiveSlice(deps, input, life))),
    runBackfillSlice: (input: BackfillSliceInput) =>
      alive((life) => runBackfillSlice(deps, input, life)),
    runReconcileSlice: (input: ReconcileSliceInput) =>
      alive((life) => runReconcileSlice(deps, input, life)),
    endConnection: (input: EndInput) => alive((life) => endConnection(deps, input, life)),
    holdWatchShard: (input: { shard: number }) =>
      alive(() => holdWatchShard(deps, gate, input.shard, Context.current().cancellationSignal)),
  };
}

export type Activities = ReturnType<typeof createActivities>;

/** Heartbeats by the clock as well as by the page: a slow provider is no dead worker. */
async function alive<T>(work: (life: SliceLife) => Promise<T>): Promise<T> {
  const context = Context.current();
  let latest: unknown;
  const timer = setInterval(() => context.heartbeat(latest), heartbeatIntervalMs);
  try {
    return await withSafeFailures(() =>
      work({
        heartbeat: (counts) => {
          latest = { ...counts };
          context.heartbeat(latest);
        },
        cancelled: context.cancellationSignal,
      }),
    );
  } finally {
    clearInterval(timer);
  }
}
