import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, expect, test } from 'vitest';
import type { Instance } from '../../runtime/embedded/instance.ts';
import { listPollers } from '../../runtime/temporal.ts';
import { taskQueues } from '../../workflows/contract.ts';
import { aliveOf, createHomeFolder, spawnStart, start, type Started } from '../support/started.ts';
import { waitFor } from '../support/wait-for.ts';

const { home, remove } = createHomeFolder();
const starts: Started[] = [];
afterAll(() => {
  for (const { instance, process: supervisor } of starts) {
    supervisor.kill('SIGKILL');
    for (const pid of alivePids(instance)) process.kill(pid, 'SIGKILL');
  }
  remove();
});

/** A workflow that nobody works on: it is there as long as Temporal's store is. */
const workflowId = 'test/outlives-a-kill';

/** Five starts of seven processes, on a machine that runs other tests besides. */
const manyStartsTimeoutMs = 180_000;

test('an instance goes on after every way of dying', { timeout: manyStartsTimeoutMs }, async () => {
  const first = await started();
  expect(await asked(first.instance)).toBe(200);
  expect(await unserved(first.instance)).toEqual([]);
  expect(mode(path.join(home, 'instance.json'))).toBe('600');
  for (const secret of ['root.key', 'secrets.json', 'credentials.json']) {
    expect(mode(path.join(home, secret))).toBe('600');
  }
  expect(first.output()).toContain(`curl ${first.instance.apiUrl}/v1/connections`);
  await inTemporal(first.instance, (client) =>
    client.workflow.start('nobody', { workflowId, taskQueue: 'nobody' }),
  );

  const second = spawnStart(home);
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain(`Steward runs already on ${home}`);
  expect(aliveOf(first.instance)).toHaveLength(6);

  // Only the supervisor dies: the others are orphans, which the next start stops.
  await killed(first, ['supervisor']);
  expect(aliveOf(first.instance)).toHaveLength(5);
  const third = await started();
  expect(aliveOf(first.instance)).toEqual([]);
  await sameAs(first.instance, third.instance);

  // Everything dies at once.
  await killed(third, Object.keys(third.instance.pids));
  const fourth = await started();
  await sameAs(first.instance, fourth.instance);

  fourth.process.kill('SIGINT');
  expect(await fourth.ended).toBe(0);
  expect(aliveOf(fourth.instance)).toEqual([]);
  expect(existsSync(path.join(home, 'instance.json'))).toBe(false);
});

test('a service that is killed is started again', { timeout: manyStartsTimeoutMs }, async () => {
  const { instance, process: supervisor, ended, output } = await started();
  const { supervisor: _, ...services } = instance.pids;
  for (const pid of Object.values(services)) process.kill(pid, 'SIGKILL');
  await waitFor(() => Object.keys(services).every((name) => output().includes(`${name} runs`)), {
    what: 'five restarts',
    timeoutMs: 30_000,
  });
  await waitFor(async () => (await asked(instance)) === 200, { what: 'the API' });
  supervisor.kill('SIGTERM');
  expect(await ended).toBe(0);
});

async function started(): Promise<Started> {
  const made = await start(home);
  starts.push(made);
  return made;
}

async function killed({ instance, ended }: Started, names: readonly string[]): Promise<void> {
  for (const name of names) process.kill(instance.pids[name] ?? 0, 'SIGKILL');
  await ended;
  await waitFor(() => !aliveOf(instance).some((name) => names.includes(name)));
}

/** The people, their keys and the workflows are those of the first start. */
async function sameAs(first: Instance, now: Instance): Promise<void> {
  const { apiKey, tenantId, memberId, operatorKey } = first;
  expect(now).toMatchObject({ apiKey, tenantId, memberId, operatorKey });
  expect(await asked(now)).toBe(200);
  const { status } = await inTemporal(now, (client) =>
    client.workflow.getHandle(workflowId).describe(),
  );
  expect(status.name).toBe('RUNNING');
}

async function asked({ apiUrl, apiKey, memberId }: Instance): Promise<number> {
  const headers = { authorization: `Bearer ${apiKey}`, 'steward-member': memberId };
  return (await fetch(`${apiUrl}/v1/connections`, { headers })).status;
}

/** Queues that the instance's own worker does not poll. */
async function unserved(instance: Instance): Promise<string[]> {
  const { temporalAddress, temporalNamespace, pids } = instance;
  const connection = await Connection.connect({ address: temporalAddress });
  const missing: string[] = [];
  for (const queue of Object.values(taskQueues)) {
    const kind = queue === taskQueues.workflows ? 'workflow' : 'activity';
    const pollers = await listPollers(connection, temporalNamespace, { queue, kind });
    if (!pollers.includes(`${queue}@${pids['worker']}`)) missing.push(queue);
  }
  await connection.close();
  return missing;
}

async function inTemporal<T>(
  { temporalAddress }: Instance,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const connection = await Connection.connect({ address: temporalAddress });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

function alivePids(instance: Instance): number[] {
  return aliveOf(instance).flatMap((name) => instance.pids[name] ?? []);
}

const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);
