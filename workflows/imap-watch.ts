import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { taskQueues, type ImapWatchInput } from './contract.ts';

/**
 * One activity, tried again for ever: a retry adds nothing to the history, so a shard costs Temporal
 * its heartbeats and no more. A day bounds one attempt; a killed worker is noticed in a minute.
 */
const { holdWatchShard } = proxyActivities<Activities>({
  taskQueue: taskQueues.watch,
  startToCloseTimeout: '24 hours',
  heartbeatTimeout: '60 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
});

/** Holds the IDLE sessions and folder sweeps of one shard of connections, for ever. */
export async function imapWatch(input: ImapWatchInput): Promise<void> {
  setCurrentDetails(
    `**watching** shard ${input.shard}\n\n- IDLE on inboxes, a sweep of all folders every 3 minutes`,
  );
  await holdWatchShard({ shard: input.shard });
}
