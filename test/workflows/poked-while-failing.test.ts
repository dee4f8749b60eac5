import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import { hourMs } from '../../domain/clock.ts';
import type { SliceReport } from '../../domain/sync.ts';
import { startUnwatchedMailbox, type UnwatchedMailbox } from '../support/unwatched-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

const pokes = 5;

let mailbox: UnwatchedMailbox;
let [looks, imports] = [0, 0];
let isLiveFailing = false;

beforeAll(async () => {
  mailbox = await startUnwatchedMailbox(failingToImport);
}, 120_000);

afterAll(() => mailbox[Symbol.asyncDispose]());

it('waits with an import that failed until its time, or until the server answers again', async () => {
  await waitFor(() => imports === 1, { what: 'the first import' });
  for (let poke = 1; poke <= pokes; poke += 1) await look();
  expect(imports).toBe(1);
  isLiveFailing = true;
  await look();
  await look();
  expect(imports).toBe(1);
  isLiveFailing = false;
  await look();
  await waitFor(() => imports === 2, { what: 'the import after the recovery' });
});

/** Pokes, and waits for the look that comes of it. */
async function look(): Promise<void> {
  const before = looks;
  await mailbox.client.workflow.getHandle(mailbox.workflowId).signal('poke');
  await waitFor(() => looks > before, { what: 'the look' });
}

function failingToImport(activities: Activities): Activities {
  const failed = (report: SliceReport): SliceReport => ({
    ...report,
    outcome: 'failed',
    failure: { kind: 'provider-down' },
    nextAttemptAt: new Date(Date.now() + hourMs).toISOString(),
  });
  const imported = (report: SliceReport): SliceReport => ({
    ...report,
    progress: { ...report.progress, backfillDone: false },
  });
  return {
    ...activities,
    runLiveSlice: async (input) => {
      const report = imported(await activities.runLiveSlice(input));
      looks += 1;
      return isLiveFailing ? failed(report) : report;
    },
    runBackfillSlice: async (input) => {
      const report = imported(await activities.runBackfillSlice(input));
      imports += 1;
      return failed(report);
    },
  };
}
