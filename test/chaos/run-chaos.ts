import { findOffences } from '../support/store-invariants.ts';
import { waitFor } from '../support/wait-for.ts';
import { makeChange } from '../stream/changes.ts';
import { repeat, type Background } from './background.ts';
import { killInMidWork, victims, type Kill } from './kill.ts';
import { startOwnChanges, type OwnChanges, type OwnOutcome } from './own-changes.ts';
import type { World } from './world.ts';

export interface ChaosResult {
  kills: Kill[];
  /** Messages found equal at the end, and what was not. */
  messages: number;
  wrong: string[];
  /** Changes of the other client. */
  otherChanges: number;
  /** Those of Steward that were accepted, and what became of them. */
  ownChanges: number;
  own: Omit<OwnOutcome, 'wrong'>;
}

/** The other client's pace: some ten changes a second, so that live slices have work all the time. */
const changePauseMs = 100;

/** Every so many changes somebody asks for a look; the watch alone sees the inbox only. */
const changesPerPoke = 3;

/** After the last kill everything has to be in step again within this. */
const settleTimeoutMs = 120_000;
const wrongShownMax = 20;

/**
 * Kills each process so many times: in the even rounds during an import, in the odd ones during
 * live sync, and all the time while changes are written back. Afterwards both sides are compared.
 */
export async function runChaos(world: World, kills: number): Promise<ChaosResult> {
  const result: Kill[] = [];
  const own = startOwnChanges(world);
  try {
    for (let round = 0; round < kills; round += 1) {
      const phase = round % 2 === 0 ? importing(world) : living(world);
      try {
        for (const victim of shuffled(world)) {
          const kill = await killInMidWork(world, victim, phase.keepBusy);
          result.push(kill);
          for (const background of [own, phase]) background.check();
          world.say(`${result.length} of ${kills * victims.length}: ${tell(kill, phase, own)}`);
        }
      } finally {
        await phase.stop();
      }
    }
  } finally {
    await own.stop();
  }
  await world.otherClient.close();
  const { messages, differences } = await settle(world);
  const { wrong: wronglyEnded, ...outcome } = await own.settle();
  const wrong = [...differences, ...wronglyEnded, ...(await offencesOf(world))];
  const otherChanges = world.otherClient.journal.length;
  const counts = { messages, otherChanges, ownChanges: own.accepted };
  return { kills: result, wrong, own: outcome, ...counts };
}

function tell({ victim, recoveredMs }: Kill, phase: Phase, own: OwnChanges): string {
  const seconds = (recoveredMs / 1_000).toFixed(1);
  return `${victim} killed in ${phase.name}, work went on after ${seconds} s; ${own.accepted} asked`;
}

interface Phase extends Background {
  name: string;
  keepBusy: () => Promise<void>;
}

/** History is imported, and when it ends early there is more of it. */
function importing(world: World): Phase {
  const keepBusy = async (): Promise<void> => {
    if (!(await world.imports())) await world.feed();
  };
  return { name: 'import', keepBusy, check: () => undefined, stop: async () => undefined };
}

/** Another client changes mail and folders, and the store follows. */
function living(world: World): Phase {
  let changes = 0;
  const pace = { name: 'the other client', pauseMs: changePauseMs, say: world.say };
  const background = repeat(pace, async () => {
    await makeChange(world.otherClient);
    changes += 1;
    if (changes % changesPerPoke === 0) await world.poke();
  });
  return { ...background, name: 'live sync', keepBusy: async () => undefined };
}

function shuffled({ random }: World): (typeof victims)[number][] {
  const drawn = victims.map((victim) => ({ victim, at: random.next() }));
  return drawn.toSorted((a, b) => a.at - b.at).map(({ victim }) => victim);
}

/** Waits until nothing is left to do, and says what stays different. */
async function settle({ api, store, connection, dovecot, otherClient, poke }: World) {
  let compared: Awaited<ReturnType<typeof store.compare>> | undefined;
  const equal = async (): Promise<boolean> => {
    await poke();
    const { state, backfillDone } = await api.progress(connection);
    // Folders vanished as a whole: the deletion brake asks, and this is the answer.
    if (state === 'confirm-deletions') {
      await api.send('POST', `/v1/connections/${connection}/confirm-deletions`);
    }
    if (state !== 'live' || !backfillDone || (await waits(api, connection))) return false;
    compared = await store.compare(connection, dovecot);
    return compared.differences.length === 0;
  };
  const options = { what: 'equality', timeoutMs: settleTimeoutMs, intervalMs: 1_000 };
  const failure = await waitFor(equal, options).then(
    () => [],
    (error: unknown) => [`not settled: ${String(error)}`],
  );
  const differences = (compared?.differences ?? []).slice(0, wrongShownMax).map((difference) => {
    const { folder, uid, what } = difference;
    const story = otherClient.journal.about(folder, uid).join('\n    ');
    return `${folder} ${uid ?? ''} ${what}\n    ${story}`;
  });
  return { messages: compared?.messages ?? 0, differences: [...failure, ...differences] };
}

async function waits(api: World['api'], connection: string): Promise<boolean> {
  const { body } = await api.send('GET', `/v1/connections/${connection}/intents?state=pending`);
  return body.data.length > 0;
}

async function offencesOf({ store }: World): Promise<string[]> {
  const found = await findOffences(store.database, store.vault.tenantId);
  return found.slice(0, wrongShownMax);
}
