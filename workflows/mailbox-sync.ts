import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { taskQueues, type MailboxSyncInput } from './contract.ts';
import { runSyncLoops } from './sync-loops.ts';

/**
 * A slice works for 4 minutes and has a fifth to finish its page; its heartbeat says within 15 s
 * that a worker is gone. It is repeated for ever: provider trouble is an outcome, so what throws
 * is ours (a database that restarts, a fault to be deployed away).
 */
const slice = {
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '15 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
} as const;

const live = proxyActivities<Activities>({ ...slice, taskQueue: taskQueues.live });
const backfill = proxyActivities<Activities>({ ...slice, taskQueue: taskQueues.backfill });
const work = proxyActivities<Activities>({ ...slice, taskQueue: taskQueues.work });

/** Keeps the mail of one connection in step, from connect to disconnect. */
export async function mailboxSync(input: MailboxSyncInput): Promise<void> {
  const { tenantId, connectionId } = input.ref;
  const target = { tenantId, connectionId, capability: 'mail' as const };
  await runSyncLoops(input, {
    live: (request) => live.runLiveSlice({ ...target, ...request }),
    backfill: (request) => backfill.runBackfillSlice({ ...target, ...request }),
    reconcile: (request) => backfill.runReconcileSlice({ ...target, ...request }),
    end: (request) => work.endConnection({ ...target, ...request }),
  });
}
