import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { victims } from '../chaos/kill.ts';
import { runChaos } from '../chaos/run-chaos.ts';
import { startWorld, type World } from '../chaos/world.ts';
import { waitFor } from '../support/wait-for.ts';

/** One round during an import, one during live sync; `npm run chaos` goes on for longer. */
const kills = 2;

/** Enough that the kills find the import in the middle of its work. */
const messages = 3_000;

let world: World;

beforeAll(async () => {
  world = await startWorld({ level: 'condstore', seed: 3, messages, say: console.log });
}, 120_000);

afterAll(() => world?.stop());

test(
  'SIGKILL of worker, API, Postgres and Temporal in mid-work loses and doubles nothing',
  { timeout: 360_000 },
  async () => {
    const result = await runChaos(world, kills);
    expect(result.kills).toHaveLength(kills * victims.length);
    expect(result.wrong).toEqual([]);
    expect(result.messages).toBeGreaterThan(0);
    expect(result.ownChanges).toBeGreaterThan(0);
    expect(result.own.done).toBeGreaterThan(0);
  },
);

test(
  "the import completes although Temporal's store is deleted in the middle of it",
  { timeout: 240_000 },
  async () => {
    const { api, connection, dovecot, home, store } = world;
    await world.feed();
    const before = await world.position();
    await waitFor(async () => (await world.position()) !== before, { what: 'a stored page' });
    expect(await world.imports()).toBe(true);
    for (const suffix of ['', '-shm', '-wal']) {
      rmSync(path.join(home, `temporal.sqlite${suffix}`), { force: true });
    }
    // The slice at work would end the import by itself, so its worker goes too. Nobody pokes: what
    // should run follows from Postgres alone.
    for (const name of ['temporal', 'worker']) process.kill(api.pidOf(name), 'SIGKILL');
    expect(await world.imports()).toBe(true);
    const done = async () => !(await world.imports());
    await waitFor(done, { what: 'the end of the import', timeoutMs: 200_000, intervalMs: 500 });
    expect((await api.progress(connection)).backfillDone).toBe(true);
    const compared = await store.compare(connection, dovecot);
    expect(compared.differences).toEqual([]);
    expect(compared.messages).toBeGreaterThan(messages);
  },
);
