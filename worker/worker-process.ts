import type { Worker } from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import { describeError } from '../activities/safe-failure.ts';
import type { ActivityDeps } from '../activities/deps.ts';
import { hourMs, minuteMs, secondMs } from '../domain/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Lane } from '../workflows/contract.ts';
import { ensureWorkflows, type EnsureDeps } from './ensure-workflows.ts';
import { createLane, type LaneOptions } from './lanes.ts';
import { sweepRequests } from './sweep-requests.ts';

/** How often what should run is compared with what runs. */
const ensureIntervalMs = minuteMs;

/** Sooner after a failure: a new namespace needs moments to take its search attributes. */
const ensureRetryMs = 5 * secondMs;

/** How often kept answers are swept: they are gone an hour after their time at the latest. */
const sweepIntervalMs = hourMs;

export interface WorkerProcessDeps extends EnsureDeps {
  connection: LaneOptions['connection'];
  bundle: LaneOptions['bundle'];
  maxCachedWorkflows?: number;
  activities: ActivityDeps;
  log: Logger;
  lanes: Lane[];
}

export interface WorkerProcess {
  /** Resolves when every lane has stopped; rejects when one fails. */
  run(): Promise<void>;
  stop(): void;
}

/** The lanes of this process, the minute's look at what should run, and the hour's sweep. */
export async function createWorkerProcess(deps: WorkerProcessDeps): Promise<WorkerProcess> {
  const { connection, namespace, bundle, maxCachedWorkflows } = deps;
  const activities = createActivities(deps.activities);
  const options: LaneOptions = {
    connection,
    namespace,
    activities,
    bundle,
    ...(maxCachedWorkflows !== undefined && { maxCachedWorkflows }),
  };
  const lanes: Worker[] = [];
  for (const lane of deps.lanes) lanes.push(await createLane(lane, options));
  const stopping = new AbortController();
  return {
    run: async () => {
      const ensuring = ensureEveryMinute(deps, stopping.signal);
      try {
        await Promise.all(lanes.map((lane) => lane.run()));
      } finally {
        stopping.abort();
        await ensuring;
      }
    },
    stop: () => {
      stopping.abort();
      for (const lane of lanes) if (lane.getState() === 'RUNNING') lane.shutdown();
    },
  };
}

async function ensureEveryMinute(deps: WorkerProcessDeps, stopping: AbortSignal): Promise<void> {
  const sweep = sweepEveryHour(deps, stopping);
  while (!stopping.aborted) {
    let waitMs = ensureIntervalMs;
    try {
      const started = await ensureWorkflows(deps);
      if (started > 0) deps.log.info({ started }, 'started workflows that were missing');
    } catch (error) {
      // Postgres or Temporal is away; the lanes report their own.
      waitMs = ensureRetryMs;
      deps.log.warn({ kind: describeError(error) }, 'could not compare what should run');
    }
    await sweep();
    // A stop that came meanwhile has nobody to wake any more.
    if (stopping.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      stopping.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

/** To be called every minute. A sweep that failed is made again with the next call. */
function sweepEveryHour(
  { database, log }: WorkerProcessDeps,
  stopping: AbortSignal,
): () => Promise<void> {
  let dueMs = 0;
  return async () => {
    if (Date.now() < dueMs) return;
    try {
      const swept = await sweepRequests(database, stopping);
      dueMs = Date.now() + sweepIntervalMs;
      if (swept > 0) log.info({ swept }, 'deleted answers that were kept long enough');
    } catch (error) {
      log.warn(
        { kind: describeError(error) },
        'could not delete answers that were kept long enough',
      );
    }
  };
}
