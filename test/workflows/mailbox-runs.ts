import { sql } from 'drizzle-orm';
import type { WorkflowHandle } from '@temporalio/client';
import {
  searchAttributes,
  taskQueues,
  workflowIds,
  type ConnectionRef,
  type MailboxSyncInput,
} from '../../workflows/contract.ts';
import { withClient, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

/** The run of a mailbox's workflow that is newest, or the one that is named. */
export function mailboxRun({ worker, licence }: SyncedMailbox, runId?: string): WorkflowHandle {
  return worker.client.workflow.getHandle(workflowIds.mailboxSync(licence.connectionId), runId);
}

/** Starts the workflow anew so that its runs are short; returns the id of the first of them. */
export async function startShortRuns(mailbox: SyncedMailbox, events: number): Promise<string> {
  const { tenantId, connectionId } = mailbox.licence;
  const ref: ConnectionRef = { tenantId, connectionId, provider: 'imap', capability: 'mail' };
  const input: MailboxSyncInput = { ref, testContinueAsNewAt: events };
  const handle = await mailbox.worker.client.workflow.start('mailboxSync', {
    workflowId: workflowIds.mailboxSync(connectionId),
    workflowIdConflictPolicy: 'TERMINATE_EXISTING',
    taskQueue: taskQueues.workflows,
    args: [input],
    typedSearchAttributes: [{ key: searchAttributes.connectionId, value: connectionId }],
  });
  return handle.firstExecutionRunId;
}

/** Brings one message in and waits until the store has it. */
export async function appendAndSync(mailbox: SyncedMailbox, id: string): Promise<void> {
  await withClient(mailbox.dovecot, async (client) => {
    await client.append('INBOX', `Subject: ${id}\r\nMessage-ID: <${id}@x>\r\n\r\nhello\r\n`);
  });
  await mailbox.poke();
  await waitFor(async () => (await mailbox.differences()).length === 0, { what: 'equality' });
}

/** What the person behind a mailbox wants, and a poke. */
export async function want(mailbox: SyncedMailbox, wanted: 'run' | 'paused'): Promise<void> {
  await mailbox.base.app.db.execute(sql`
    update directory.connections set wanted = ${wanted}
    where id = ${mailbox.licence.connectionId}`);
  await mailbox.poke();
}
