import { expect, test } from 'vitest';
import { createHostGate, hostLimits, type HostVisit } from '../../activities/watch/host-gate.ts';
import { waitFor } from '../support/wait-for.ts';

const never = new AbortController().signal;

/** Those who want in at a host, and the visits of those who came in, in order. */
function crowd(gate: ReturnType<typeof createHostGate>, host: string, size: number): HostVisit[] {
  const inside: HostVisit[] = [];
  for (let i = 0; i < size; i += 1) {
    void gate.enter(host, never).then((visit) => inside.push(visit));
  }
  return inside;
}

/** Lets what was promised come true: nothing here waits for time. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test('a thousand who come together are let in few by few', async () => {
  const gate = createHostGate();
  const inside = crowd(gate, 'a.example', 1_000);
  let most = 0;
  for (let served = 0; served < 1_000; served += 1) {
    await turn();
    most = Math.max(most, inside.length - served);
    inside[served]!.opened();
  }
  expect(most).toBe(hostLimits.attemptsPerHostMax);
});

test('a host that does not answer keeps nobody from another', async () => {
  const gate = createHostGate();
  crowd(gate, 'dead.example', 100);
  const inside = crowd(gate, 'alive.example', 5);
  await turn();
  expect(inside).toHaveLength(5);
});

test('all hosts together are tried by no more than the process can bear', async () => {
  const gate = createHostGate();
  const everywhere = Array.from({ length: 20 }, (_, i) => crowd(gate, `${i}.example`, 10));
  await turn();
  expect(everywhere.flat()).toHaveLength(hostLimits.attemptsMax);
  for (const visit of everywhere.flat()) visit.left();
  await turn();
  expect(everywhere.flat()).toHaveLength(2 * hostLimits.attemptsMax);
});

test('a host that fails for everybody rests, is asked by one, and opens again', async () => {
  const gate = createHostGate({ ...hostLimits, restFirstMs: 50, restMaxMs: 50 });
  const inside = crowd(gate, 'a.example', 100);
  await turn();
  // Until the failures are enough to be the host's, each of them lets in another.
  const tried = hostLimits.attemptsPerHostMax + hostLimits.failuresOfHost - 1;
  for (let i = 0; i < tried; i += 1) {
    inside[i]!.failed(true);
    await turn();
  }
  expect(inside).toHaveLength(tried);
  expect(inside[0]!.isHostDown()).toBe(true);
  await waitFor(() => inside.length > tried, { what: 'the end of the rest', intervalMs: 5 });
  expect(inside).toHaveLength(tried + 1);
  inside[tried]!.opened();
  await turn();
  expect(inside).toHaveLength(tried + 1 + hostLimits.attemptsPerHostMax);
});

test('one account that fails does not make its host rest', async () => {
  const gate = createHostGate();
  const inside = crowd(gate, 'a.example', 40);
  for (let i = 0; i < 40; i += 1) {
    await turn();
    if (i % 2 === 0) inside[i]!.failed(true);
    else inside[i]!.opened();
  }
  expect(inside).toHaveLength(40);
  expect(inside[0]!.isHostDown()).toBe(false);
});

test('a refused login says that the host is well', async () => {
  const gate = createHostGate();
  const inside = crowd(gate, 'a.example', 40);
  for (let i = 0; i < 40; i += 1) {
    await turn();
    inside[i]!.failed(false);
  }
  expect(inside).toHaveLength(40);
});

test('sessions count until they are left, attempts that were given up do not', async () => {
  const gate = createHostGate({ ...hostLimits, sessionsPerHostMax: 3 });
  const inside = crowd(gate, 'a.example', 5);
  await turn();
  expect(inside).toHaveLength(3);
  for (const visit of [...inside]) visit.opened();
  await turn();
  expect(inside).toHaveLength(3);
  inside[0]!.left();
  inside[0]!.left();
  await turn();
  expect(inside).toHaveLength(4);
});

test('whoever gives up leaves the line', async () => {
  const gate = createHostGate({ ...hostLimits, attemptsPerHostMax: 1 });
  const first = await gate.enter('a.example', never);
  const leaving = new AbortController();
  const second = gate.enter('a.example', leaving.signal);
  const third = gate.enter('a.example', never);
  leaving.abort(new Error('closed'));
  await expect(second).rejects.toThrow('closed');
  first.opened();
  await expect(third).resolves.toBeDefined();
  await expect(gate.enter('a.example', leaving.signal)).rejects.toThrow('closed');
});
