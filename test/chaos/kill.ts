import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { isAlive } from '../../runtime/supervise/pid.ts';
import { waitFor } from '../support/wait-for.ts';
import type { World } from './world.ts';

export const victims = ['worker', 'api', 'postgres', 'temporal'] as const;
export type Victim = (typeof victims)[number];

/** One kill in the middle of work, and how long it took until work went on. */
export interface Kill {
  victim: Victim;
  recoveredMs: number;
}

/** Within this the moment of the kill is drawn; a slice at work takes about as long for a page. */
const momentMaxMs = 250;

/** Supervisor's back-off, heartbeat timeout and the services' own recovery, on a busy machine. */
const recoverTimeoutMs = 120_000;

/** A recovery that takes longer is worth a look at what it waits for. */
const slowRecoveryMs = 30_000;

/**
 * Kills a process while a slice is at work: rows were stored since the last kill, and Temporal
 * shows an activity that has begun. Returns when rows are stored again and the API answers.
 */
export async function killInMidWork(
  world: World,
  victim: Victim,
  keepBusy: () => Promise<void>,
): Promise<Kill> {
  await waitForWork(world, keepBusy);
  const pid = world.api.pidOf(victim);
  const killedAt = performance.now();
  process.kill(pid, 'SIGKILL');
  // What a transaction committed in the moment of the kill belongs to the time before it.
  const options = { timeoutMs: recoverTimeoutMs, intervalMs: 100 };
  const before = await waitFor(() => world.position(), { ...options, what: 'the database' });
  let told = false;
  const goesOn = async () => {
    if (!told && performance.now() - killedAt > slowRecoveryMs) {
      told = true;
      world.say(`still standing without ${victim} ${pid}: ${await statementsOf(world)}`);
    }
    await keepBusy();
    if (world.api.pidOf(victim) === pid || !isAlive(world.api.pidOf(victim))) return false;
    if ((await world.position()) === before) return false;
    return (await world.api.progress(world.connection)).stored > 0;
  };
  await waitFor(goesOn, { ...options, what: `work to go on without ${victim} ${pid}` });
  return { victim, recoveredMs: performance.now() - killedAt };
}

/** What the database is busy with, and for how long. */
async function statementsOf({ store }: World): Promise<string> {
  const rows = await store.database.db.execute<{ statement: string }>(sql`
    select concat_ws(' ', application_name, round(extract(epoch from now() - query_start)), 's',
      wait_event, regexp_replace(left(query, 200), '\\s+', ' ', 'g')) as statement
    from pg_stat_activity where state <> 'idle' and pid <> pg_backend_pid() and query <> ''`);
  return rows.map(({ statement }) => statement).join('; ') || 'the database rests';
}

/** Returns at a moment that chance draws, while a slice runs and rows were stored. */
async function waitForWork(world: World, keepBusy: () => Promise<void>): Promise<void> {
  const before = await world.position();
  const atWork = async () => {
    await keepBusy();
    return (await world.position()) !== before && (await world.sliceRuns());
  };
  do {
    const options = { what: 'work under way', timeoutMs: recoverTimeoutMs, intervalMs: 20 };
    await waitFor(atWork, options);
    // Chance chooses the moment: what is waited for is nothing but that.
    await delay(world.random.int(momentMaxMs));
  } while (!(await world.sliceRuns()));
}
