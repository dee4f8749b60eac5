import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import { Problem } from '../problem.ts';
import { logTail } from '../supervise/process.ts';
import { connectTemporal, listPollers, temporalNamespace } from '../temporal.ts';
import type { Home } from './home.ts';

/** Bundling the workflows takes seconds, on a busy machine many. */
const readyTimeoutMs = 60_000;
const readyPollMs = 200;

export interface PolledQueue {
  queue: string;
  kind: 'workflow' | 'activity';
}

/**
 * Waits until the worker polls all of its queues, as the Temporal server sees it. Its identities
 * end in its process id, so that pollers of an earlier run, or of another machine, don't count.
 */
export async function waitForWorker(
  temporal: ClientConnectConfig,
  queues: readonly PolledQueue[],
  home: Home,
  { pid, signal }: { pid: () => number | undefined; signal: AbortSignal },
): Promise<void> {
  const { connection } = await connectTemporal(temporal);
  const namespace = temporalNamespace(temporal);
  const deadline = Date.now() + readyTimeoutMs;
  try {
    for (;;) {
      const missing: string[] = [];
      for (const each of queues) {
        const pollers = await listPollers(connection, namespace, each);
        if (!pollers.some((identity) => identity.endsWith(`@${pid()}`))) missing.push(each.queue);
      }
      if (missing.length === 0) return;
      signal.throwIfAborted();
      if (Date.now() > deadline) throw notPolling(missing, home);
      await delay(readyPollMs);
    }
  } finally {
    await connection.close();
  }
}

function notPolling(queues: string[], home: Home): Problem {
  const log = path.join(home.stateDir, 'worker.log');
  return new Problem(
    `After ${readyTimeoutMs / 1000} s the worker does not serve ${queues.join(', ')}. Its last ` +
      `words:\n${logTail(log)}`,
    `Read ${log}.`,
  );
}
