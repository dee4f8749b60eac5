import { Client, Connection } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { parsePublicId } from '../../domain/ids.ts';
import type { Instance } from '../../runtime/embedded/instance.ts';
import { workflowIds } from '../../workflows/contract.ts';

/** Where an arrival's time went, as Temporal's history tells it, in milliseconds. */
export interface Stages {
  /** From the arrival to the signal. */
  pokedMs: number;
  /** From the signal to the start of the slice that it caused. */
  startedMs: number;
  sliceMs: number;
}

interface Slice {
  scheduledAt: number;
  startedAt: number;
  endedAt: number;
}

/** The stages of each arrival that a poke followed; the history holds the times of all of them. */
export async function readStages(
  { temporalAddress, temporalNamespace }: Instance,
  connection: string,
  arrivals: number[],
): Promise<Stages[]> {
  const temporal = await Connection.connect({ address: temporalAddress });
  const client = new Client({ connection: temporal, namespace: temporalNamespace });
  const workflowId = workflowIds.mailboxSync(parsePublicId('connection', connection)!);
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  await temporal.close();
  const signals: number[] = [];
  const slices = new Map<string, Slice>();
  for (const event of events ?? []) {
    const at = tsToMs(event.eventTime);
    if (event.workflowExecutionSignaledEventAttributes) signals.push(at);
    if (event.activityTaskScheduledEventAttributes?.activityType?.name === 'runLiveSlice') {
      slices.set(String(event.eventId), { scheduledAt: at, startedAt: 0, endedAt: 0 });
    }
    const started = event.activityTaskStartedEventAttributes;
    const begun = slices.get(String(started?.scheduledEventId));
    if (begun) begun.startedAt = at;
    const completed = event.activityTaskCompletedEventAttributes;
    const ended = slices.get(String(completed?.scheduledEventId));
    if (ended) ended.endedAt = at;
  }
  // A run that continued as new knows nothing of what came before it.
  const beganAt = events?.[0] ? tsToMs(events[0].eventTime) : Number.POSITIVE_INFINITY;
  return arrivals.flatMap((arrivedAt) => {
    const poked = signals.find((at) => at >= arrivedAt);
    if (poked === undefined || arrivedAt < beganAt) return [];
    const slice = [...slices.values()].find(({ startedAt }) => startedAt >= poked);
    if (!slice) return [];
    return [
      {
        pokedMs: poked - arrivedAt,
        startedMs: slice.startedAt - poked,
        sliceMs: slice.endedAt - slice.startedAt,
      },
    ];
  });
}
