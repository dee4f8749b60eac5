import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import { startUnwatchedMailbox, type UnwatchedMailbox } from '../support/unwatched-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

let mailbox: UnwatchedMailbox;

beforeAll(async () => {
  mailbox = await startUnwatchedMailbox(changedMeanwhile);
}, 120_000);

afterAll(() => mailbox[Symbol.asyncDispose]());

it('looks at once when a folder changed while it was imported, without being told', async () => {
  // The next safety poll is minutes away.
  await waitFor(async () => (await looks()).length > 1, { what: 'the second look' });
  expect(await looks()).toEqual([{ poked: true }, { poked: true }]);
});

/** Every import ends as one whose folder changed meanwhile. */
function changedMeanwhile(activities: Activities): Activities {
  return {
    ...activities,
    runBackfillSlice: async (input) => ({
      ...(await activities.runBackfillSlice(input)),
      lookDue: true,
    }),
  };
}

async function looks(): Promise<unknown[]> {
  const { client, workflowId } = mailbox;
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  expect(events!.filter((event) => event.workflowExecutionSignaledEventAttributes)).toHaveLength(1);
  return events!.flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => {
    if (scheduled?.activityType?.name !== 'runLiveSlice') return [];
    const input = scheduled.input!.payloads![0]!;
    const { poked } = defaultPayloadConverter.fromPayload<{ poked: boolean }>(input);
    return [{ poked }];
  });
}
