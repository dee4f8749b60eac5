import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { Capability } from '../domain/sync.ts';

/** Names, ids and queues that the processes share, and the few functions that start or poke. */
export const taskQueues = {
  workflows: 'workflows',
  live: 'live',
  backfill: 'backfill',
  watch: 'watch',
  work: 'work',
} as const;

export type Lane = keyof typeof taskQueues;

export const searchAttributes = {
  tenantId: defineSearchAttributeKey('TenantId', SearchAttributeType.KEYWORD),
  connectionId: defineSearchAttributeKey('ConnectionId', SearchAttributeType.KEYWORD),
  provider: defineSearchAttributeKey('Provider', SearchAttributeType.KEYWORD),
  capability: defineSearchAttributeKey('Capability', SearchAttributeType.KEYWORD),
  syncState: defineSearchAttributeKey('SyncState', SearchAttributeType.KEYWORD),
  purgeAfter: defineSearchAttributeKey('PurgeAfter', SearchAttributeType.DATETIME),
};

/** Shards of `imapWatch`: fixed, because a connection's shard is stored with it. */
export const watchShards = 4;

export const pokeSignal = 'poke';

export const workflowIds = {
  mailboxSync: (connectionId: string) => `mailbox-sync/${connectionId}`,
  imapWatch: (shard: number) => `imap-watch/${shard}`,
};

/** A connection as a workflow knows it: opaque ids and plain facts. */
export interface ConnectionRef {
  tenantId: string;
  connectionId: string;
  provider: string;
  capability: Capability;
}

export const disconnectedDataKeptDays = 7;

/** What the loops carry over a continue-as-new. Dates are milliseconds since the epoch. */
export interface SyncCarry {
  version: 1;
  backfillDone: boolean;
  /** Until then the safety time is short, because the watch missed a change. */
  cautiousUntil: number;
  liveFailures: number;
  backfillFailures: number;
}

export interface MailboxSyncInput {
  ref: ConnectionRef;
  carry?: SyncCarry;
  /** Tests force a continue-as-new after so many events. */
  testContinueAsNewAt?: number;
}

export interface ImapWatchInput {
  shard: number;
}

/** What operators read beside every run; the state of one is in its current details. */
const mailboxSyncDetails = `
One connection from connect to disconnect, in two loops:

- **live**: waits for a poke or the safety time, then looks at everything that may have changed
- **backfill**: imports history, newest first, and waits until there is history again

What people want (run, paused, disconnected) and all cursors stand in Postgres; every slice reads
them there. The signal \`poke\` makes it look now and carries nothing. A run that is terminated is
started again within a minute, and goes on where the store stands.`.trim();

const imapWatchDetails = `
Holds the IDLE sessions of a fixed share of the IMAP connections, sweeps their folders every few
minutes, and pokes the sync of a mailbox in which something moved. One activity does it, tried again
for ever: its heartbeats are all that a shard at rest costs. Mailboxes that no shard watches are
looked at every five minutes.`.trim();

/** Starts the connection's workflow if it isn't running, and makes it look now. */
export async function ensureMailboxSync(client: Client, ref: ConnectionRef): Promise<void> {
  await client.workflow.signalWithStart('mailboxSync', {
    workflowId: workflowIds.mailboxSync(ref.connectionId),
    taskQueue: taskQueues.workflows,
    args: [{ ref } satisfies MailboxSyncInput],
    signal: pokeSignal,
    staticSummary: `Keeps the mail of connection ${ref.connectionId} in step`,
    staticDetails: mailboxSyncDetails,
    typedSearchAttributes: [
      { key: searchAttributes.tenantId, value: ref.tenantId },
      { key: searchAttributes.connectionId, value: ref.connectionId },
      { key: searchAttributes.provider, value: ref.provider },
      { key: searchAttributes.capability, value: ref.capability },
      { key: searchAttributes.syncState, value: 'connecting' },
    ],
  });
}

/** Makes a running workflow look now. @throws WorkflowNotFoundError when there is none. */
export async function pokeMailboxSync(client: Client, connectionId: string): Promise<void> {
  await client.workflow.getHandle(workflowIds.mailboxSync(connectionId)).signal(pokeSignal);
}

/** Starts the watch of a shard if it isn't running. */
export async function ensureImapWatch(client: Client, shard: number): Promise<void> {
  await client.workflow.start('imapWatch', {
    workflowId: workflowIds.imapWatch(shard),
    taskQueue: taskQueues.workflows,
    args: [{ shard } satisfies ImapWatchInput],
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `Watches the IMAP connections of shard ${shard}`,
    staticDetails: imapWatchDetails,
    typedSearchAttributes: [{ key: searchAttributes.provider, value: 'imap' }],
  });
}
