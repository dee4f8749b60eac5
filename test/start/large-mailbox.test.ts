import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parsePublicId } from '../../domain/ids.ts';
import { workflowIds } from '../../workflows/contract.ts';
import { startDovecot, type Dovecot } from '../support/dovecot.ts';
import { createInstanceClient } from '../support/instance-client.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { createHomeFolder, start, type Started } from '../support/started.ts';
import { waitFor } from '../support/wait-for.ts';

/** What a worker may take, whatever it imports. */
const residentMbMax = 400;

/** The bar of the design: events in Temporal per thousand imported messages. */
const eventsPerThousandMax = 20;

const messages = 20_000;

const { home, remove } = createHomeFolder();
let dovecot: Dovecot;
let started: Started;

beforeAll(async () => {
  dovecot = await startDovecot({ capabilities: 'qresync' });
  const { maildir } = dovecot;
  generateMaildir({ maildir, messages, folders: 12, seed: 1, mix: 'usual' });
  started = await start(home);
}, 180_000);

afterAll(async () => {
  started.process.kill('SIGINT');
  await started.ended;
  await dovecot.stop();
  remove();
});

test('a mailbox of 20,000 arrives whole in a small worker', { timeout: 180_000 }, async () => {
  const api = createInstanceClient(started, home);
  const connection = await api.connect(dovecot);
  const done = async () => (await api.progress(connection)).state === 'live';
  await waitFor(done, { what: 'the end of the import', timeoutMs: 120_000, intervalMs: 250 });
  // The comparison that follows an import unseals a share of it.
  const compared = async () =>
    (await api.send('GET', `/v1/connections/${connection}`)).body['capabilities'] as {
      mail: { reconciliation: { listed: number; missingBefore: number } | null };
    };
  const reconciliation = await waitFor(async () => (await compared()).mail.reconciliation, {
    what: 'the comparison',
    timeoutMs: 60_000,
  });
  expect(reconciliation).toMatchObject({ listed: messages, missingBefore: 0 });
  const store = await api.openStore();
  expect(await store.compare(connection, dovecot)).toEqual({ differences: [], messages });
  await store.close();
  expect(await eventsOf(connection)).toBeLessThan((eventsPerThousandMax * messages) / 1_000);
  const peakMb = peakResidentMb(api.pidOf('worker'));
  console.info(`the worker took at most ${peakMb} MB`);
  expect(peakMb).toBeLessThan(residentMbMax);
});

/** The length of a connection's history, all that ever happened to it. */
async function eventsOf(connection: string): Promise<number> {
  const { temporalAddress: address, temporalNamespace: namespace } = started.instance;
  const temporal = await Connection.connect({ address });
  const client = new Client({ connection: temporal, namespace });
  const workflowId = workflowIds.mailboxSync(parsePublicId('connection', connection)!);
  const { historyLength } = await client.workflow.getHandle(workflowId).describe();
  await temporal.close();
  console.info(`${historyLength} events for ${messages} messages`);
  return historyLength;
}

/** The most that a process has held since it began (`VmHWM`, proc(5)). */
function peakResidentMb(pid: number): number {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(found![1]) / 1_024);
}
