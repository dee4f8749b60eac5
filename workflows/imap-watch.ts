import { continueAsNew, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { taskQueues, type ImapWatchInput } from './contract.ts';

/** Held for a day, then taken up afresh; a killed worker is noticed within a minute. */
const { holdWatchShard } = proxyActivities<Activities>({
  taskQueue: taskQueues.watch,
  startToCloseTimeout: '24 hours',
  heartbeatTimeout: '60 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 500 },
});

/** Holds the IDLE sessions and folder sweeps of one shard of connections, for ever. */
export async function imapWatch(input: ImapWatchInput): Promise<void> {
  setCurrentDetails(`Watches shard ${input.shard}: IDLE on inboxes, sweeps of all folders.`);
  try {
    await holdWatchShard({ shard: input.shard });
  } finally {
    await continueAsNew<typeof imapWatch>(input);
  }
}
