import type { Client, Connection } from '@temporalio/client';
import type { Database } from '../db/client.ts';
import { listWantedWorkflows, whileAlone, type WantedWorkflow } from '../db/queries/sync/wanted.ts';
import { systemTenantId } from '../domain/ids.ts';
import type { SyncState } from '../domain/sync.ts';
import { registerSearchAttributes } from '../runtime/temporal.ts';
import {
  ensureImapWatch,
  ensureMailboxSync,
  searchAttributes,
  watchShards,
  workflowIds,
} from '../workflows/contract.ts';

/** The advisory lock under which one worker of many does this. */
const ensureLock = 0x656e73;

/** Connections looked at together: one query, one list of ids in memory. */
const connectionsPerPage = 1_000;

export interface EnsureDeps {
  database: Database;
  client: Client;
  /** Where search attributes are registered. */
  connection: Pick<Connection, 'operatorService'>;
  namespace: string;
}

/**
 * Starts whatever should run according to Postgres and does not. Temporal is disposable: after a
 * crash between a row and its workflow, or with an empty Temporal store, this brings the work back.
 * It also wakes what rests and should work, because the poke that said so was lost: a disconnected
 * workflow rests for days. Returns how many workflows it started.
 */
export async function ensureWorkflows(deps: EnsureDeps): Promise<number> {
  let started = 0;
  await whileAlone(deps.database, ensureLock, async () => {
    await registerSearchAttributes(
      deps.connection,
      deps.namespace,
      Object.values(searchAttributes),
    );
    started = await startMissing(deps);
  });
  return started;
}

async function startMissing({ database, client }: EnsureDeps): Promise<number> {
  const running = await listRunning(client);
  const missing = (id: string): boolean => !running.has(id);
  let started = 0;
  for (let after = systemTenantId; ;) {
    const wanted = await listWantedWorkflows(database, after, connectionsPerPage);
    for (const workflow of wanted) {
      const id = workflowIds.mailboxSync(workflow.connectionId);
      const rests = workflow.wanted === 'run' && resting.has(running.get(id) ?? '');
      if (!missing(id) && !rests) continue;
      await startSync(client, workflow);
      if (!rests) started += 1;
    }
    if (wanted.length < connectionsPerPage) break;
    after = wanted.at(-1)!.connectionId;
  }
  // All shards run, so that a mailbox is watched within seconds of its connection.
  for (let shard = 0; shard < watchShards; shard += 1) {
    if (!missing(workflowIds.imapWatch(shard))) continue;
    await ensureImapWatch(client, shard);
    started += 1;
  }
  return started;
}

/** Visibility lags by moments; a workflow that runs already is merely poked. */
async function startSync(client: Client, workflow: WantedWorkflow): Promise<void> {
  const { tenantId, connectionId, provider, capability } = workflow;
  await ensureMailboxSync(client, { tenantId, connectionId, provider, capability });
}

/** States in which a workflow waits for nothing but a poke. */
const resting = new Set<string>(['paused', 'disconnecting'] satisfies SyncState[]);

/** Ids of the workflows that run, with the state that each shows. */
async function listRunning(client: Client): Promise<Map<string, string | undefined>> {
  const running = new Map<string, string | undefined>();
  const query = `ExecutionStatus = 'Running' AND WorkflowType IN ('mailboxSync', 'imapWatch')`;
  for await (const { workflowId, typedSearchAttributes } of client.workflow.list({ query })) {
    running.set(workflowId, typedSearchAttributes.get(searchAttributes.syncState));
  }
  return running;
}
