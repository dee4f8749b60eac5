import type { Client } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { dayMs } from '../../domain/clock.ts';
import { waitFor } from './wait-for.ts';

let steps = 0;

/**
 * Moves one workflow's clock: the server skips its timers while nothing else runs in it. Returns
 * when the workflow has arrived there, or has ended on the way.
 */
export async function skipDays(client: Client, workflowId: string, days: number): Promise<void> {
  const { namespace } = client.options;
  steps += 1;
  const fastForwardConfig = { id: `step-${steps}`, duration: msToTs(days * dayMs) };
  await client.workflowService.updateWorkflowExecutionOptions({
    namespace,
    workflowExecution: { workflowId },
    identity: 'test',
    workflowExecutionOptions: { timeSkippingConfig: { enabled: true, fastForwardConfig } },
    updateMask: { paths: ['time_skipping_config'] },
  });
  await waitFor(
    async () => {
      const { status, raw } = await client.workflow.getHandle(workflowId).describe();
      const skipping = raw.workflowExtendedInfo?.timeSkippingInfo?.effectiveConfig?.enabled;
      return status.name !== 'RUNNING' || skipping !== true;
    },
    { what: `${days} days to pass`, timeoutMs: 60_000 },
  );
}
