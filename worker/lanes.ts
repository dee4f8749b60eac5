import { Worker, type NativeConnection, type WorkflowBundleOption } from '@temporalio/worker';
import type { Activities } from '../activities/index.ts';
import { secondMs } from '../domain/clock.ts';
import { taskQueues, type Lane } from '../workflows/contract.ts';

/** Slots are the back-pressure; first values for two cores (architecture.md). */
const activitySlots: Record<Exclude<Lane, 'workflows'>, number> = {
  live: 20,
  backfill: 4,
  watch: 4,
  work: 10,
};

/** Slices get so long to finish their page after a signal to stop; a watch has nothing to finish. */
const shutdownGraceMs = 10 * secondMs;

export const allLanes = Object.keys(taskQueues) as Lane[];

export interface LaneOptions {
  connection: NativeConnection;
  namespace: string;
  activities: Activities;
  bundle: WorkflowBundleOption;
  /** Tests replay at every task. */
  maxCachedWorkflows?: number;
}

/** One Temporal worker a lane, so that no lane waits for another's slots. */
export async function createLane(lane: Lane, options: LaneOptions): Promise<Worker> {
  const { connection, namespace, activities, bundle, maxCachedWorkflows } = options;
  const common = {
    connection,
    namespace,
    taskQueue: taskQueues[lane],
    identity: `${lane}@${process.pid}`,
    shutdownGraceTime: lane === 'watch' ? 0 : shutdownGraceMs,
  };
  if (lane === 'workflows') {
    return await Worker.create({
      ...common,
      workflowBundle: bundle,
      ...(maxCachedWorkflows !== undefined && { maxCachedWorkflows }),
    });
  }
  return await Worker.create({
    ...common,
    activities,
    maxConcurrentActivityTaskExecutions: activitySlots[lane],
  });
}
