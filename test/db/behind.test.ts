import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { withFence } from '../../db/fence.ts';
import { recordBehind, recordCaughtUp } from '../../db/queries/sync/status.ts';
import { openIngest, type Ingest } from '../support/ingest.ts';

let ingest: Ingest;
beforeAll(async () => {
  ingest = await openIngest();
});
beforeEach(async () => {
  await ingest.base.owner.sql`update sync_status set behind_since = null, caught_up_at = null`;
});
afterAll(() => ingest.base.drop());

/** A sign that was seen so long ago and is noted now. */
const note = async (agoMs: number): Promise<void> => {
  const { base, licence } = ingest;
  await withFence(base.app, licence, (tx) => recordBehind(tx, licence, { agoMs }));
};

/** A slice that began so long ago ends now, with everything in step. */
const catchUp = async (agoMs: number): Promise<void> => {
  const { base, licence } = ingest;
  const startedAt = new Date(Date.now() - agoMs);
  await withFence(base.app, licence, (tx) =>
    recordCaughtUp(tx, licence, { startedAt, nextAttemptAt: new Date(), safety: false }),
  );
};

const behindMs = async (): Promise<number | null> => {
  const [row] = await ingest.read<{ ms: number | null }>(sql`
    select (extract(epoch from steward_now() - behind_since) * 1000)::int as ms from sync_status`);
  return row!.ms;
};

it('counts from the sign, however late that is noted', async () => {
  await note(5_000);
  expect(await behindMs()).toBeGreaterThanOrEqual(5_000);
  expect(await behindMs()).toBeLessThan(15_000);
});

it('ends with a slice that began after the sign, in whichever order the two are written', async () => {
  await note(2_000);
  await catchUp(1_000);
  expect(await behindMs()).toBeNull();
  await note(2_000);
  expect(await behindMs()).toBeNull();
});

it('goes on where the slice began before the sign', async () => {
  await catchUp(3_000);
  await note(2_000);
  expect(await behindMs()).not.toBeNull();
  await catchUp(3_000);
  expect(await behindMs()).not.toBeNull();
});
