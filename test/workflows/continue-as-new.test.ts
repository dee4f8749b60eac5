import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSyncedMailbox, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { appendAndSync, mailboxRun, startShortRuns } from './mailbox-runs.ts';

/** A few slices; production's bound is thousands. */
const eventsOfRun = 40;

/** A change costs a slice of at least five events, so a run ends well within so many. */
const changesMax = 20;

let mailbox: SyncedMailbox;

beforeAll(async () => {
  const generate = { messages: 200, folders: 4, seed: 11, mix: 'text' } as const;
  mailbox = await startSyncedMailbox({ capabilities: 'condstore', generate });
}, 120_000);

afterAll(() => mailbox.stop());

it('loses nothing when a run continues as new between changes', async () => {
  const firstRun = await startShortRuns(mailbox, eventsOfRun);
  await mailbox.waitForState('live');
  let changes = 0;
  while ((await mailboxRun(mailbox).describe()).runId === firstRun && changes < changesMax) {
    changes += 1;
    await appendAndSync(mailbox, `change-${changes}`);
  }
  const { status } = await mailboxRun(mailbox, firstRun).describe();
  expect(status.name).toBe('CONTINUED_AS_NEW');
  const { events } = await mailboxRun(mailbox, firstRun).fetchHistory();
  expect(events!.at(-1)!.workflowExecutionContinuedAsNewEventAttributes).toBeTruthy();

  await appendAndSync(mailbox, 'after');
  expect(await mailbox.differences()).toEqual([]);
  expect((await mailboxRun(mailbox).describe()).status.name).toBe('RUNNING');
});
