import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import { dayMs } from '../../domain/clock.ts';
import type { SliceReport } from '../../domain/sync.ts';
import { skipDays } from '../support/skip-time.ts';
import { startUnwatchedMailbox, type UnwatchedMailbox } from '../support/unwatched-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

/** What a connection at rest may cost Temporal in a day, reconciliation included. */
const actionsPerDayMax = 24;

const days = 3;

/**
 * A run that goes on from another within a step skips the rest of the step before its first look, so
 * steps are short: two hours a day at most are lost, and with them no more than one look.
 */
const stepDays = 1 / 12;

let mailbox: UnwatchedMailbox;

beforeAll(async () => {
  mailbox = await startUnwatchedMailbox(onWorkflowTime);
}, 120_000);

afterAll(() => mailbox[Symbol.asyncDispose]());

it('a mailbox at rest costs Temporal at most 24 actions a day', async () => {
  const { client, workflowId } = mailbox;
  const handle = client.workflow.getHandle(workflowId);
  await waitFor(async () => (await handle.query<string>('status')).includes('**live**'), {
    what: 'the state live',
  });
  await waitFor(rests, { what: 'the first rest' });
  const before = await readRuns();
  let after = before;
  // A step may also end early where a run continues as new.
  const stepsMax = (2 * days) / stepDays;
  for (let steps = 0; after.at - before.at < days * dayMs && steps < stepsMax; steps += 1) {
    await skipDays(client, workflowId, stepDays);
    await waitFor(rests, { what: 'the mailbox to rest' });
    after = await readRuns();
  }
  const elapsed = (after.at - before.at) / dayMs;
  expect(elapsed).toBeGreaterThan(days - 0.5);
  const perDay = (after.actions - before.actions) / elapsed;
  console.info(
    `${perDay.toFixed(1)} actions per connection and idle day, over ${elapsed.toFixed(1)} days`,
  );
  // Eight safety polls, each an activity and a timer: fewer would mean that nobody looked.
  expect(perDay).toBeGreaterThan(14);
  expect(perDay).toBeLessThanOrEqual(actionsPerDayMax);
}, 120_000);

/**
 * Activities run by the clock on the wall and the workflow by the one that is skipped: the time of
 * the next look is moved by the difference.
 */
function onWorkflowTime(activities: Activities): Activities {
  const moved = (report: SliceReport): SliceReport => {
    if (report.nextAttemptAt === undefined) return report;
    const aheadMs = Context.current().info.scheduledTimestampMs - Date.now();
    const at = new Date(Date.parse(report.nextAttemptAt) + aheadMs);
    return { ...report, nextAttemptAt: at.toISOString() };
  };
  return {
    ...activities,
    runLiveSlice: async (input) => moved(await activities.runLiveSlice(input)),
    runBackfillSlice: async (input) => moved(await activities.runBackfillSlice(input)),
  };
}

/** Whether the newest run waits for its timer, and for nothing else. */
async function rests(): Promise<boolean> {
  const { client, workflowId } = mailbox;
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const count = (pick: (event: HistoryEvent) => unknown) => (events ?? []).filter(pick).length;
  const started = count((event) => event.timerStartedEventAttributes);
  const over = count(
    (event) => event.timerFiredEventAttributes ?? event.timerCanceledEventAttributes,
  );
  const scheduled = count((event) => event.activityTaskScheduledEventAttributes);
  const completed = count((event) => event.activityTaskCompletedEventAttributes);
  return started > over && scheduled === completed;
}

/**
 * What Temporal bills of a workflow's runs: starts, signals, timers, attributes, and activities with
 * their repetitions. A slice at rest has no page, so it ends without a heartbeat. `at` is the
 * workflow's own time of its last event.
 */
async function readRuns(): Promise<{ actions: number; at: number }> {
  const { client, workflowId } = mailbox;
  let [actions, at] = [0, 0];
  for (let runId: string | undefined; runId !== '';) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    for (const event of events ?? []) {
      at = Math.max(at, tsToMs(event.eventTime));
      const attempts = event.activityTaskStartedEventAttributes?.attempt;
      actions += attempts ?? (isAction(event) ? 1 : 0);
    }
    // The newest run first, then those that it went on from.
    runId = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
  }
  return { actions, at };
}

type HistoryEvent = NonNullable<
  Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']
>[number];

function isAction(event: HistoryEvent): boolean {
  return Boolean(
    event.workflowExecutionStartedEventAttributes ??
    event.workflowExecutionSignaledEventAttributes ??
    event.timerStartedEventAttributes ??
    event.upsertWorkflowSearchAttributesEventAttributes,
  );
}
