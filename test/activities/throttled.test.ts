import { sql, type SQL } from 'drizzle-orm';
import { afterEach, expect, it, vi } from 'vitest';
import { withFence } from '../../db/fence.ts';
import { minuteMs } from '../../domain/clock.ts';
import { openEmulatedMailbox, type EmulatedMailbox } from '../support/emulated-mailbox.ts';

afterEach(() => vi.restoreAllMocks());

it('leaves a server alone for as long as it asks, whoever pokes', async () => {
  await using world = await openMailbox();
  const { mailbox, emulator } = world;
  const throttled = await throttle(world, () => mailbox.live());
  expect(throttled).toMatchObject({ outcome: 'failed', failure: { kind: 'rate-limited' } });
  const until = Date.parse(throttled.nextAttemptAt!);
  expect(until).toBeGreaterThan(Date.now() + minuteMs);
  const asked = emulator.commands.length;
  for (const again of [await mailbox.live(), await world.backfill(), await mailbox.live()]) {
    expect(again).toMatchObject({ outcome: 'failed', failure: { kind: 'rate-limited' } });
    expect(Math.abs(Date.parse(again.nextAttemptAt!) - until)).toBeLessThan(1_000);
  }
  expect(emulator.commands).toHaveLength(asked);
  expect(await mailbox.read(sql`select state from sync_status`)).toEqual([{ state: 'throttled' }]);
  await change(world, sql`throttled_until = now()`);
  expect((await mailbox.live()).outcome).toBe('done');
  expect(await world.stored()).toEqual([1, 2]);
});

it('has its time by the database’s clock, also where the worker’s is ahead', async () => {
  await using world = await openMailbox();
  const { mailbox } = world;
  const now = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => now() + minuteMs);
  await throttle(world, () => mailbox.live());
  await change(world, sql`throttled_until = now()`);
  expect((await mailbox.live()).outcome).toBe('done');
});

it('knows of a pause that the import was asked for', async () => {
  await using world = await openMailbox();
  const { mailbox } = world;
  const imported = await throttle(world, () => world.reconcile());
  expect(imported).toMatchObject({ failure: { kind: 'rate-limited' } });
  const look = await mailbox.live();
  expect(look).toMatchObject({ outcome: 'failed', failure: { kind: 'rate-limited' } });
  const status = sql`select state, reason from sync_status`;
  expect(await mailbox.read(status)).toEqual([{ state: 'throttled', reason: 'rate-limited' }]);
});

/** One message is stored, and another one is new. */
async function openMailbox(): Promise<EmulatedMailbox> {
  const world = await openEmulatedMailbox();
  world.append('INBOX', [1]);
  await world.mailbox.importAll();
  world.append('INBOX', [2]);
  return world;
}

/** What a piece of work comes to at a server that has too many connections, once. */
async function throttle<T>({ faults }: EmulatedMailbox, work: () => Promise<T>): Promise<T> {
  faults.verdict = () => ({ reply: 'NO [LIMIT] Too many connections' });
  const result = await work();
  faults.verdict = () => 'continue';
  return result;
}

async function change({ mailbox }: EmulatedMailbox, assignment: SQL): Promise<void> {
  await withFence(mailbox.deps.database, mailbox.licence, (tx) =>
    tx.execute(sql`update sync_status set ${assignment}`),
  );
}
