import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { pageBounds } from '../../activities/mail/bounds.ts';
import { askedSections, keyOf } from '../support/asked-sections.ts';
import { startDovecot } from '../support/dovecot.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  killWorker,
  prepareWorkerProcesses,
  whileNoneWorks,
  type WorkerProcesses,
} from '../support/worker-processes.ts';

/** Twenty pages: the kill finds an import that has stored some and has some before it. */
const messages = 20 * pageBounds.itemsMax;

/** What is stored when the worker dies, at least. */
const storedBefore = 3 * pageBounds.itemsMax;

/** The page in hand. */
const readTwiceMax = pageBounds.itemsMax;

const patience = { timeoutMs: 90_000 };

it('a killed import reads one page again, and nothing that was stored', async () => {
  const dovecot = await startDovecot({ rawLog: true });
  onTestFinished(() => dovecot.stop());
  const { maildir } = dovecot;
  generateMaildir({ maildir, messages, folders: 1, names: ['INBOX'], seed: 12, mix: 'text' });
  const world = await prepareWorkerProcesses(dovecot);
  onTestFinished(() => world.stop());

  const first = world.startWorker();
  await waitFor(async () => (await storedUids(world)).size >= storedBefore, {
    ...{ what: 'the first pages', ...patience },
  });
  await killWorker(first);
  await whileNoneWorks(world);
  const stored = await storedUids(world);
  expect(stored.size).toBeLessThan(messages - readTwiceMax);

  world.startWorker();
  await waitFor(() => isImported(world), { what: 'the end of the import', ...patience });
  expect((await storedUids(world)).size).toBe(messages);
  const twice = readTwice(dovecot.commands());
  expect(twice.filter((uid) => stored.has(uid))).toEqual([]);
  expect(twice.length).toBeLessThanOrEqual(readTwiceMax);
  // The kill came in mid-work, and the log shows what is read twice.
  expect(twice.length).toBeGreaterThan(0);
}, 240_000);

/** Messages of which any part was asked for more than once. */
function readTwice(log: string): number[] {
  const seen = new Set<string>();
  const twice = new Set<number>();
  for (const section of askedSections(log)) {
    const key = keyOf(section);
    if (seen.has(key)) twice.add(section.uid);
    seen.add(key);
  }
  expect(seen.size).toBeGreaterThanOrEqual(2 * messages);
  return [...twice];
}

async function storedUids({ read }: WorkerProcesses): Promise<Set<number>> {
  const rows = await read(sql`select uid::int as uid from placements`);
  return new Set(rows.map(({ uid }) => uid as number));
}

async function isImported({ read }: WorkerProcesses): Promise<boolean> {
  return (await read(sql`select from sync_status where backfill_done_at is not null`)).length > 0;
}
