import { randomBytes } from 'node:crypto';
import { availableParallelism, loadavg } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FoundLicence } from '../../db/fence.ts';
import { behaviours } from '../emulators/imap-hostile/behaviours.ts';
import { fillInbox, letter, type Behaviour } from '../emulators/imap-hostile/behaviour.ts';
import { createHostileServer, type HostileServer } from '../emulators/imap-hostile/server.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';
import { createAccounts, type Accounts, type Shown } from './accounts.ts';
import { expectedStates, slowOnes } from './expected-states.ts';
import { startFreshness, type Freshness } from './freshness.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

const mib = 1024 * 1024;
const memoryMax = 400 * mib;

/** Hostile servers at once, besides the slow ones: more than the worker has slots for history. */
const waveSize = 6;

/** Silence in the middle of an answer is borne for two minutes; all others are sooner done. */
const endWithinMs = 150_000;

/** New mail of an honest mailbox, on two cores that run two test files and a dozen servers. */
const freshP95MaxMs = 5_000;

/** How many times as busy as that the machine is: what else it does takes its time from all. */
const crowding = (): number => Math.max(1, loadavg()[0]! / (2 * availableParallelism()));

/** Fewer would say nothing of the slowest twentieth. */
const lettersMin = 20;

/** A mailbox at a hostile server. */
interface Case extends AsyncDisposable {
  behaviour: Behaviour;
  licence: FoundLicence;
}

const slow = behaviours.filter(({ name }) => slowOnes.has(name));
const waves = wavesOf(behaviours.filter(({ name }) => !slowOnes.has(name)));

let base: TestDatabase;
let accounts: Accounts;
let worker: WorkerProcess;
let honest: HostileServer;
let freshness: Freshness;
let slowCases: Case[] = [];

beforeAll(async () => {
  base = await createTestDatabase();
  const rootKey = randomBytes(32);
  accounts = createAccounts(base, rootKey);
  worker = await startWorkerProcess(base, rootKey);
  slowCases = await Promise.all(slow.map(open));
  honest = await createHostileServer({ mailbox: fillInbox });
  const licence = await accounts.connect(worker.client, honest.port);
  await waitFor(() => shows(licence, { state: 'live' }), {
    what: 'the honest mailbox',
    timeoutMs: 60_000,
  });
  const append = (subject: string) => void honest.mailboxes.append('INBOX', letter(subject));
  freshness = startFreshness(append, () => accounts.stored(licence));
}, 120_000);

afterAll(async () => {
  // First, because a worker that stops waits for the answers that its sessions wait for.
  for (const each of [...slowCases, honest]) await each?.[Symbol.asyncDispose]();
  await worker?.stop();
  await base?.drop();
});

test('there is an expected state for every behaviour, and none beside', () => {
  expect(Object.keys(expectedStates)).toEqual(behaviours.map(({ name }) => name));
  expect(slow.map(({ name }) => name)).toEqual([...slowOnes]);
});

describe('in a worker that holds an honest mailbox as well', () => {
  test.each(waves)(
    'servers of which one $names',
    async ({ wave, names }) => {
      const cases = await Promise.all(wave.map(open));
      try {
        await Promise.all(cases.map(reachesItsEnd));
      } finally {
        // Their retries would be in the way of the next ones.
        for (const each of cases) await each[Symbol.asyncDispose]();
      }
      checkWorker(names);
    },
    endWithinMs,
  );

  test(
    `slow servers of which one ${namesOf(slow)}`,
    async () => {
      await Promise.all(slowCases.map(reachesItsEnd));
      checkWorker('slow ones');
    },
    endWithinMs,
  );

  test('new mail of the honest one was fresh all the while', async () => {
    const figures = await freshness.stop();
    const p95MaxMs = freshP95MaxMs * crowding();
    console.info('fresh', { ...figures, p95MaxMs });
    expect(figures.letters).toBeGreaterThanOrEqual(lettersMin);
    expect(figures.p95Ms).toBeLessThan(p95MaxMs);
  });
});

function wavesOf(all: readonly Behaviour[]): { wave: Behaviour[]; names: string }[] {
  const found = [];
  for (let at = 0; at < all.length; at += waveSize) {
    const wave = all.slice(at, at + waveSize);
    found.push({ wave, names: namesOf(wave) });
  }
  return found;
}

function namesOf(some: readonly Behaviour[]): string {
  return some.map(({ name }) => name).join('; ');
}

async function open(behaviour: Behaviour): Promise<Case> {
  const server = await createHostileServer(behaviour.script);
  const licence = await accounts.connect(worker.client, server.port);
  return { behaviour, licence, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function reachesItsEnd({ behaviour, licence }: Case): Promise<void> {
  const { name, ends, stored, skipped } = behaviour;
  const expected = expectedStates[name]!;
  await waitFor(() => shows(licence, expected), {
    what: `${JSON.stringify(expected)} of a server that ${name}`,
    timeoutMs: endWithinMs,
    intervalMs: 100,
  });
  if (ends !== 'read') return;
  expect(await accounts.stored(licence), name).toBe(stored);
  expect(await accounts.skipped(licence), name).toEqual(skipped ?? {});
}

async function shows(licence: FoundLicence, expected: Partial<Shown>): Promise<boolean> {
  const shown = await accounts.shown(licence);
  return Object.entries(expected).every(([key, value]) => shown[key as keyof Shown] === value);
}

/** The process that was started in the beginning still runs, and has stayed small. */
function checkWorker(names: string): void {
  expect(worker.isAlive()).toBe(true);
  const peak = worker.takePeak();
  console.info(`${Math.round(peak / mib)} MB`, freshness.take(), names);
  expect(peak).toBeLessThan(memoryMax);
}
