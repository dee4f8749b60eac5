import { parseArgs } from 'node:util';
import type { CapabilityLevel } from '../support/dovecot.ts';
import { obtainPrograms } from '../support/programs.ts';
import { victims, type Kill } from './kill.ts';
import { runChaos } from './run-chaos.ts';
import { startWorld } from './world.ts';

/** `npm run chaos -- --kills 30 --seed 7`: kills everything, again and again, in the middle of work. */
const { values } = parseArgs({
  options: {
    /** Of each process. */
    kills: { type: 'string', default: '30' },
    seed: { type: 'string' },
    /** What one import brings. */
    messages: { type: 'string', default: '3000' },
    level: { type: 'string', default: 'qresync' },
  },
});
const kills = Number(values.kills);
const messages = Number(values.messages);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const level = (['qresync', 'condstore', 'plain'] satisfies CapabilityLevel[]).find(
  (name) => name === values.level,
);
if (![kills, messages, seed].every(Number.isSafeInteger) || kills < 1 || level === undefined) {
  console.error('--kills and --messages are whole numbers above 0, --level a level of the server.');
  process.exit(2);
}
obtainPrograms();
const say = (text: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);
say(`seed ${seed}, ${kills} kills of each process, a ${level} server`);
const world = await startWorld({ level, seed, messages, say });
let failed = true;
try {
  const result = await runChaos(world, kills);
  console.log(`\n${table(result.kills)}\n`);
  const { done, refused, repeated } = result.own;
  console.log(
    `${result.messages} messages compared after ${result.otherChanges} changes of another`,
  );
  console.log(`client and ${result.ownChanges} through the API: ${done} intents done, ${refused}`);
  console.log(`refused, ${repeated} tried more than once; ${result.wrong.length} wrong`);
  for (const wrong of result.wrong) console.log(`  ${wrong}`);
  failed = result.wrong.length > 0;
} finally {
  await world.stop();
}
console.log(failed ? `seed ${seed}: FAILED` : `seed ${seed}: nothing lost, nothing doubled`);
process.exit(failed ? 1 : 0);

/** Kills and times to recover, by process. */
function table(all: readonly Kill[]): string {
  const rows = victims.map((victim) => {
    const times = all.filter((kill) => kill.victim === victim).map((kill) => kill.recoveredMs);
    const sorted = times.toSorted((a, b) => a - b);
    const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
    return [victim, String(times.length), seconds(median), seconds(sorted.at(-1) ?? 0)];
  });
  const all4 = [['process', 'kills', 'recovered p50', 'max'], ...rows];
  return all4.map((row) => row.map((cell) => cell.padEnd(15)).join('')).join('\n');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
