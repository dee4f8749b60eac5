import type { Worker } from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import { describeError } from '../activities/safe-failure.ts';
import type { ActivityDeps } from '../activities/deps.ts';
import { minuteMs, secondMs } from '../domain/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Lane } from '../workflows/contract.ts';
import { ensureWorkflows, type EnsureDeps } from './ensure-workflows.ts';
import { createLane, type LaneOptions } from './lanes.ts';

/** How often what should run is compared with what runs. */
const ensureIntervalMs = minuteMs;

/** Sooner after a failure: a new namespace needs moments to take its search attributes. */
const ensureRetryMs = 5 * secondMs;

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

/** The lanes of this process and the minute's look at what should run. */
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
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      stopping.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}
