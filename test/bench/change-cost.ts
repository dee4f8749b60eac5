import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startDovecot, type CapabilityLevel, type Dovecot } from '../support/dovecot.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { openMeteredMailbox, type Cost } from './metered-mailbox.ts';
import { machine, percentile, publish } from './figures.ts';
import { prepareStore } from './store.ts';

/** The bar of the design, for servers that speak QRESYNC. */
const ratioMax = 1.2;

/** The first round opens the session and warms caches; it is not counted. */
const rounds = 4;

const costs = ['bytes', 'commands', 'rowsRead', 'rowsWritten'] as const satisfies (keyof Cost)[];

/**
 * Ten changes (four arrivals, three flags, three expunges) in a small and in a large mailbox: what
 * a live slice costs in bytes on the wire, in commands and in rows read and written, at each level of
 * server. Without QRESYNC the expunges are found by comparing the whole folder, so what is read grows
 * with it there; what is written must not, on any server.
 */
export async function benchChangeCost(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      small: { type: 'string', default: '2000' },
      large: { type: 'string', default: '200000' },
      levels: { type: 'string', default: 'qresync,condstore,plain' },
    },
  });
  console.log(machine());
  const rows: object[] = [];
  let kept = true;
  for (const level of values.levels.split(',') as CapabilityLevel[]) {
    const small = await measure(level, Number(values.small));
    const large = await measure(level, Number(values.large));
    for (const what of costs) {
      const ratio = large[what] / small[what];
      const isBound = level === 'qresync' || what === 'rowsWritten';
      if (isBound && ratio > ratioMax) kept = false;
      const [few, many] = [`in ${values.small}`, `in ${values.large}`];
      rows.push({ level, what, [few]: small[what], [many]: large[what], ratio: ratio.toFixed(2) });
    }
  }
  publish('change-cost', rows, { small: values.small, large: values.large });
  if (kept) return;
  console.error(`More than ${ratioMax} times the cost with QRESYNC, or of rows written.`);
  process.exitCode = 1;
}

async function measure(level: CapabilityLevel, messages: number): Promise<Cost> {
  const folder = mkdtempSync(path.join(tmpdir(), 'steward-bench-'));
  chmodSync(folder, 0o755); // Postgres runs as another account when root runs the bench
  const store = await prepareStore(folder);
  const dovecot = await startDovecot({ capabilities: level });
  generateMaildir({ maildir: dovecot.maildir, messages, folders: 1, seed: 1, mix: 'text' });
  const mailbox = await openMeteredMailbox(store, dovecot);
  try {
    const stored = await mailbox.importAll();
    if (stored !== messages) throw new Error(`stored ${stored} of ${messages}`);
    const measured: Cost[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await makeTenChanges(dovecot, round);
      const cost = await mailbox.liveSlice();
      if (round > 0) measured.push(cost);
    }
    console.log(`${level}, ${messages} messages: ${JSON.stringify(measured)}`);
    return medians(measured);
  } finally {
    await mailbox.close();
    await dovecot.stop();
    await store.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function medians(measured: Cost[]): Cost {
  const median = (what: keyof Cost): number =>
    percentile(
      measured.map((cost) => cost[what]),
      0.5,
    );
  return {
    bytes: median('bytes'),
    commands: median('commands'),
    rowsRead: median('rowsRead'),
    rowsWritten: median('rowsWritten'),
  };
}

/** At places spread over the mailbox, each round at others. */
async function makeTenChanges(dovecot: Dovecot, round: number): Promise<void> {
  const client = await dovecot.imap();
  const { exists } = await client.mailboxOpen('INBOX');
  const at = (share: number): string => String(Math.floor(exists * share) + round + 1);
  await client.messageFlagsAdd([0.1, 0.5, 0.9].map(at).join(), [`$round${round}`]);
  await client.messageDelete([0.2, 0.6, 0.8].map(at).join());
  for (let i = 0; i < 4; i += 1) {
    const id = `arrival-${round}-${i}`;
    await client.append('INBOX', `Subject: ${id}\r\nMessage-ID: <${id}@x>\r\n\r\nhello\r\n`);
  }
  await client.logout();
}
