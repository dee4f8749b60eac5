import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { withFence } from '../../db/fence.ts';
import { openEmulatedMailbox, type EmulatedMailbox } from '../support/emulated-mailbox.ts';

it('leaves a server alone for as long as it asks, whoever pokes', async () => {
  await using world = await openEmulatedMailbox();
  const { mailbox, faults, emulator } = world;
  world.append('INBOX', [1]);
  await mailbox.importAll();
  faults.verdict = () => ({ reply: 'NO [LIMIT] Too many connections' });
  const throttled = await mailbox.live();
  expect(throttled).toMatchObject({ outcome: 'failed', failure: { kind: 'rate-limited' } });
  faults.verdict = () => 'continue';
  world.append('INBOX', [2]);
  const asked = emulator.commands.length;
  for (const again of [await mailbox.live(), await world.backfill()]) {
    expect(again.failure).toEqual(throttled.failure);
    expect(again.nextAttemptAt).toBe(throttled.nextAttemptAt);
  }
  expect(emulator.commands).toHaveLength(asked);
  expect(await world.stored()).toEqual([1]);
  await pass(world, sql`next_attempt_at = now()`);
  expect((await mailbox.live()).outcome).toBe('done');
  expect(await world.stored()).toEqual([1, 2]);
});

async function pass({ mailbox }: EmulatedMailbox, change: ReturnType<typeof sql>): Promise<void> {
  await withFence(mailbox.deps.database, mailbox.licence, (tx) =>
    tx.execute(sql`update sync_status set ${change}`),
  );
}
