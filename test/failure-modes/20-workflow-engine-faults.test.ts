import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { disconnectConnection } from '../../db/queries/connection-ends.ts';
import { withTransition } from '../../db/tenant.ts';
import { appendLetters, expunge, looked, rowsOf } from '../support/mailbox-rows.ts';
import { startSyncedMailbox, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';
import { workflowIds } from '../../workflows/contract.ts';

const messages = 300;

/**
 * What one payload of a workflow may weigh: counts, states and dates of a slice. The engine's own
 * limit is two megabytes, which a list of what a slice did would reach in a large mailbox.
 */
const payloadBytesMax = 1_024;

let mailbox: SyncedMailbox;

beforeAll(async () => {
  mailbox = await startSyncedMailbox({
    capabilities: 'qresync',
    generate: { messages, folders: 3, seed: 20, mix: 'text' },
  });
  await looked(mailbox);
}, 120_000);
afterAll(() => mailbox?.stop());

it('a deployment that can not go on with what runs ends nothing: the next one goes on', async () => {
  const { runId } = await run().describe();
  // Looks with another activity than the one that stands in the histories.
  const code = readFileSync(inject('workflowBundle'), 'utf8');
  const careless = code.replaceAll('runLiveSlice', 'runAnother');
  expect(careless).not.toBe(code);
  await mailbox.redeploy(careless);
  await appendLetters(mailbox, 'INBOX', 'meanwhile', 1);
  await mailbox.poke();
  await waitFor(refusedToReplay, { what: 'the refusal', timeoutMs: 30_000 });
  expect(await run().describe()).toMatchObject({ runId, status: { name: 'RUNNING' } });
  await mailbox.redeploy();
  await looked(mailbox);
  expect(await mailbox.differences()).toEqual([]);
  expect(await run().describe()).toMatchObject({ runId, status: { name: 'RUNNING' } });
}, 120_000);

it('payloads do not grow with the mailbox', async () => {
  const { events } = await run().fetchHistory();
  const sizes = payloadsIn(events ?? []).map((data) => data.length);
  expect(sizes.length).toBeGreaterThan(5);
  expect(Math.max(...sizes)).toBeLessThan(payloadBytesMax);
});

it.each([
  ['terminated', async () => void (await run().terminate('by an operator'))],
  [
    'deleted',
    async () => {
      const { namespace, client } = mailbox.worker;
      const { workflowId } = run();
      const execution = { namespace, workflowExecution: { workflowId } };
      await client.workflowService.deleteWorkflowExecution(execution);
    },
  ],
])(
  'a workflow that was %s is brought back, and goes on where the store stands',
  async (how, end) => {
    const [before, stored] = [await run().describe(), await identities()];
    await end();
    await waitFor(() => isGone(before.runId), { what: 'the end', timeoutMs: 30_000 });
    await appendLetters(mailbox, 'INBOX', how, 1);
    await expunge(mailbox, 'INBOX', '1');
    await waitFor(async () => (await mailbox.ensure()) === 1 || (await runs()), {
      ...{ what: 'the workflow', timeoutMs: 30_000 },
    });
    await looked(mailbox);
    expect(await mailbox.differences()).toEqual([]);
    expect((await run().describe()).runId).not.toBe(before.runId);
    // One is hidden and one is new: the rest was neither read nor stored again.
    const after = await identities();
    expect(after.filter((row) => !stored.includes(row))).toHaveLength(1);
    expect(stored.filter((row) => !after.includes(row))).toHaveLength(1);
  },
);

it('a workflow that runs already is not started beside itself, whatever the visibility says', async () => {
  const { runId } = await run().describe();
  await Promise.all([mailbox.poke(), mailbox.poke(), mailbox.ensure()]);
  expect((await run().describe()).runId).toBe(runId);
});

it('the workflow of a connection that was ended ends, and is not brought back', async () => {
  const { tenantId, connectionId } = mailbox.licence;
  await withTransition(mailbox.base.app, tenantId, (tx) =>
    disconnectConnection(tx, { tenantId, id: connectionId }, 0),
  );
  await mailbox.poke();
  await waitFor(async () => (await run().describe()).status.name === 'COMPLETED', {
    ...{ what: 'the end of the workflow', timeoutMs: 30_000 },
  });
  // Until the visibility has heard of it, too.
  await waitFor(async () => (await listed()) === 0, { what: 'the list', timeoutMs: 30_000 });
  expect(await mailbox.ensure()).toBe(0);
  expect(await identities()).toEqual([]);
});

function run() {
  const { client } = mailbox.worker;
  return client.workflow.getHandle(workflowIds.mailboxSync(mailbox.licence.connectionId));
}

async function runs(): Promise<boolean> {
  return await run()
    .describe()
    .then(({ status }) => status.name === 'RUNNING')
    .catch(() => false);
}

async function isGone(runId: string): Promise<boolean> {
  const { client } = mailbox.worker;
  const { workflowId } = run();
  const query = `WorkflowId = '${workflowId}' AND ExecutionStatus = 'Running'`;
  for await (const each of client.workflow.list({ query })) if (each.runId === runId) return false;
  return true;
}

async function listed(): Promise<number> {
  const query = `WorkflowType = 'mailboxSync' AND ExecutionStatus = 'Running'`;
  return (await mailbox.worker.client.workflow.count(query)).count;
}

async function refusedToReplay(): Promise<boolean> {
  const { events } = await run().fetchHistory();
  return (events ?? []).some((event) => {
    const failed = event.workflowTaskFailedEventAttributes;
    return /nondeterminism/i.test(failed?.failure?.message ?? '');
  });
}

/** Every message that is shown, with what must stay as it is. */
async function identities(): Promise<string[]> {
  const rows = await rowsOf<{ row: string }>(
    mailbox,
    sql`select id || ' ' || thread_id || ' ' || created_at as row from messages
      where hidden_at is null order by id`,
  );
  return rows.map(({ row }) => row);
}

/** The data of all payloads, wherever they stand in the events. */
function payloadsIn(value: unknown): Uint8Array[] {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return [];
  if ('data' in value && value.data instanceof Uint8Array) return [value.data];
  return Object.values(value).flatMap(payloadsIn);
}
