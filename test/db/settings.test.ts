import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readLicence, withFence, type FoundLicence } from '../../db/fence.ts';
import { noteChanges, raiseGeneration } from '../../db/queries/connections.ts';
import { readProgress } from '../../db/queries/progress.ts';
import { readSealedAccount } from '../../db/queries/sync/account.ts';
import { takeUpSettings } from '../../db/queries/sync/settings.ts';
import { readWatchedAccount } from '../../db/queries/sync/watched.ts';
import { withTenant, withTransition } from '../../db/tenant.ts';
import { FencedError } from '../../domain/failure.ts';
import { createTestConsole, type Seeded, type TestConsole } from '../support/console.ts';
import { writeFolder } from '../support/mail-rows.ts';

let world: TestConsole;
let seeded: Seeded;
let licence: FoundLicence;
let mailboxes = 0;

beforeAll(async () => {
  world = await createTestConsole({ verify: () => Promise.resolve() });
});
beforeEach(async () => {
  mailboxes += 1;
  seeded = await world.connection(`jane-${mailboxes}@example.org`);
  await writeFolder(seeded.store, ['INBOX'], { stored: 5, expected: 5 });
  await seeded.write(sql`update collections set backfill_done = true, backfill_cursor = '{}'
    where connection_id = ${seeded.store.connectionId}`);
  await seeded.status(sql`state = 'needs-reauth', reason = 'imap-login-failed', login_strikes = 3,
    next_attempt_at = now(), caught_up_at = now(), watch_seen_at = now(), backfill_done_at = now()`);
  licence = await readNow();
});
afterAll(() => world[Symbol.asyncDispose]());

async function readNow(): Promise<FoundLicence> {
  const { database, connectionId } = seeded.store;
  const key = { tenantId: world.tenant.uuid, connectionId, capability: 'mail' } as const;
  return (await readLicence(database.db, key))!;
}

/** What the API does when a member changes something. */
async function change(what: { credentials: boolean; deeper: boolean }): Promise<void> {
  const key = { tenantId: licence.tenantId, id: licence.connectionId };
  await withTransition(seeded.store.database, licence.tenantId, async (tx) => {
    await noteChanges(tx, key, await raiseGeneration(tx, key, 'mail'), what);
  });
  licence = await readNow();
}

const takeUp = async (under = licence) =>
  await withFence(seeded.store.database, under, (tx) => takeUpSettings(tx, under));

async function rows() {
  return await withTenant(seeded.store.database, licence.tenantId, async (tx) => {
    const [progress] = await readProgress(tx, licence.tenantId, [licence.connectionId]);
    const account = await readSealedAccount(tx, licence);
    const watched = await readWatchedAccount(tx, { ...licence, capability: 'mail' });
    const [collection] = await tx.execute<{ done: boolean }>(sql`
      select backfill_done as done from collections
      where connection_id = ${licence.connectionId}`);
    const [status] = await tx.execute<{ strikes: number }>(sql`
      select login_strikes as strikes from sync_status
      where connection_id = ${licence.connectionId}`);
    return {
      state: progress!.state,
      renewed: progress!.renewed,
      historyDone: progress!.backfillDoneAt !== null,
      caughtUp: progress!.caughtUpAt !== null,
      changed: account!.changed,
      strikes: status!.strikes,
      strikesOfWatch: watched!.loginStrikes,
      imported: collection!.done,
    };
  });
}

const untouched = {
  ...{ state: 'needs-reauth', renewed: false, historyDone: true, caughtUp: true, changed: false },
  ...{ strikes: 3, strikesOfWatch: 3, imported: true },
};

describe('settings that changed', () => {
  it('are seen at once, and written by the slice that takes them up', async () => {
    expect(await rows()).toEqual(untouched);
    await change({ credentials: true, deeper: false });
    const seen = { ...untouched, renewed: true, changed: true, strikesOfWatch: 0 };
    expect(await rows()).toEqual(seen);
    await takeUp();
    const clean = { ...untouched, state: 'connecting', strikes: 0, strikesOfWatch: 0 };
    expect(await rows()).toEqual(clean);
    // Later strikes are the new credentials'; whoever comes second leaves them alone.
    await withFence(seeded.store.database, licence, (tx) =>
      tx.execute(sql`update sync_status set login_strikes = 2
        where connection_id = ${licence.connectionId}`),
    );
    await takeUp();
    expect(await rows()).toEqual({ ...clean, strikes: 2, strikesOfWatch: 2 });
  });

  it('a deeper history begins again; nothing else does', async () => {
    await change({ credentials: false, deeper: true });
    const seen = { ...untouched, changed: true, historyDone: false };
    expect(await rows()).toEqual(seen);
    await takeUp();
    expect(await rows()).toEqual({ ...seen, changed: false, imported: false });
  });

  it('an exclusion alone leaves nothing to take up', async () => {
    await change({ credentials: false, deeper: false });
    expect(await rows()).toEqual(untouched);
  });

  it('two changes are taken up together, and one that comes later by itself', async () => {
    await change({ credentials: false, deeper: true });
    await change({ credentials: true, deeper: false });
    await takeUp();
    const both = { state: 'connecting', strikes: 0, historyDone: false, changed: false };
    expect(await rows()).toMatchObject(both);
    await change({ credentials: false, deeper: true });
    expect(await rows()).toMatchObject({ changed: true, renewed: false });
  });

  it('a slice of an older generation takes nothing up', async () => {
    const before = licence;
    await change({ credentials: true, deeper: true });
    await expect(takeUp(before)).rejects.toThrow(FencedError);
    expect(await rows()).toMatchObject({ changed: true, imported: true, strikes: 3 });
  });

  it('a connection that comes back from its end forgets how fresh it was', async () => {
    await seeded.status(sql`state = 'disconnected'`);
    await change({ credentials: true, deeper: false });
    await takeUp();
    expect(await rows()).toMatchObject({ state: 'connecting', caughtUp: false });
  });
});
