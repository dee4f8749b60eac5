import type { Activities } from '../../activities/index.ts';
import { hourMs } from '../../domain/clock.ts';
import type { SliceReport } from '../../domain/sync.ts';
import { startUnwatchedMailbox, type UnwatchedMailbox } from '../support/unwatched-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

interface LookOptions {
  fails?: boolean;
  /** It takes up what people changed. */
  takesUp?: boolean;
}

/** A mailbox whose imports fail, each of them for an hour. */
export interface FailingImport {
  mailbox: UnwatchedMailbox;
  imports(): number;
  /** Pokes, and waits for the look that comes of it. */
  look(options?: LookOptions): Promise<void>;
}

export async function startFailingImport(): Promise<FailingImport> {
  let [looks, imports] = [0, 0];
  let now: LookOptions = {};
  const mailbox = await startUnwatchedMailbox((activities: Activities) => ({
    ...activities,
    runLiveSlice: async (input) => {
      const report = importing(await activities.runLiveSlice(input));
      looks += 1;
      if (now.fails) return failed(report);
      return { ...report, ...(now.takesUp && { takenUp: true }) };
    },
    runBackfillSlice: async (input) => {
      const report = importing(await activities.runBackfillSlice(input));
      imports += 1;
      return failed(report);
    },
  }));
  await waitFor(() => imports === 1, { what: 'the first import' });
  return {
    mailbox,
    imports: () => imports,
    look: async (options = {}) => {
      now = options;
      const before = looks;
      await mailbox.client.workflow.getHandle(mailbox.workflowId).signal('poke');
      await waitFor(() => looks > before, { what: 'the look' });
    },
  };
}

function failed(report: SliceReport): SliceReport {
  return {
    ...report,
    outcome: 'failed',
    failure: { kind: 'provider-down' },
    nextAttemptAt: new Date(Date.now() + hourMs).toISOString(),
  };
}

function importing(report: SliceReport): SliceReport {
  return { ...report, progress: { ...report.progress, backfillDone: false } };
}
