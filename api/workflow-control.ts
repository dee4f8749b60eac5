import type { Client } from '@temporalio/client';
import { secondMs } from '../domain/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { ensureMailboxSync, type ConnectionRef } from '../workflows/contract.ts';
import type { WorkflowControl } from './deps.ts';

/** A person waits for the answer; what could not be told to Temporal in this time heals by itself. */
const deadlineMs = 3 * secondMs;

export function createWorkflowControl(client: Client): WorkflowControl {
  const soon = <T>(work: () => Promise<T>) => client.withDeadline(Date.now() + deadlineMs, work);
  return {
    ensure: (ref) => soon(() => ensureMailboxSync(client, ref)),
    check: async () => {
      await soon(() => client.connection.workflowService.getSystemInfo({}));
    },
  };
}

/**
 * Tells the connection's workflow to look now. The row that says what is wanted is committed, and
 * `ensureWorkflows` finds it, so a Temporal that is down delays the work and loses nothing.
 */
export async function nudge(
  { workflows, log }: { workflows: WorkflowControl; log: Logger },
  ref: ConnectionRef,
): Promise<void> {
  try {
    await workflows.ensure(ref);
  } catch (error) {
    const { connectionId, tenantId } = ref;
    log.warn(
      { err: error, connectionId, tenantId },
      'workflow not reached, left to the next check',
    );
  }
}
