import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBackfillSlice } from '../../activities/mail/backfill-slice.ts';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import { runReconcileSlice } from '../../activities/mail/reconcile-slice.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import type { SliceReport } from '../../domain/sync.ts';
import { startAskingMailbox, type AskingMailbox } from '../support/asking-mailbox.ts';
import { dyingDatabase } from '../support/dying-database.ts';
import { appendLetters, expunge, move } from '../support/mailbox-rows.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { findOffences } from '../support/store-invariants.ts';
import { undisturbed } from '../support/slice-life.ts';

/** Several pages of history. */
const messages = 900;

/** Each kind of slice needs fewer transactions than this, or it works per item. */
const transactionsMax = 120;

const moments = [
  { moment: 'before a commit', committed: false },
  { moment: 'after a commit that it never learns of', committed: true },
];

type SliceOf = (deps: ActivityDeps) => Promise<SliceReport>;

describe.each(moments)('a process killed at every transaction, $moment', ({ committed }) => {
  let asking: AskingMailbox;
  let slices: Record<'live' | 'backfill' | 'reconcile', SliceOf>;

  beforeAll(async () => {
    asking = await startAskingMailbox('qresync');
    const { maildir } = asking.dovecot;
    generateMaildir({ maildir, messages, folders: 3, seed: 41, mix: 'text' });
    const { tenantId, connectionId } = asking.mailbox.licence;
    const target = { tenantId, connectionId, capability: 'mail', failuresBefore: 0 } as const;
    slices = {
      live: (deps) => runLiveSlice(deps, { ...target, poked: true, cautious: false }, undisturbed),
      backfill: (deps) => runBackfillSlice(deps, target, undisturbed),
      reconcile: (deps) => runReconcileSlice(deps, target, undisturbed),
    };
  }, 60_000);

  afterAll(() => asking[Symbol.asyncDispose]());

  /**
   * One process after the other, each of which lives for one transaction more. What each of them
   * leaves behind is `sound`, unless the store was not so before.
   */
  async function killUntilDone(slice: SliceOf, { sound } = { sound: true }): Promise<number> {
    const { deps, base, licence } = asking.mailbox;
    for (let transactions = 0; transactions < transactionsMax; transactions += 1) {
      const database = dyingDatabase(deps.database, { transactions, committed });
      const outcome = await slice({ ...deps, database }).catch((error: unknown) => error);
      const offences = sound ? await findOffences(base.app, licence.tenantId) : [];
      expect(offences).toEqual([]);
      if (outcome instanceof Error) continue;
      expect(outcome).toMatchObject({ outcome: 'done' });
      return transactions;
    }
    throw new Error('the slice needs more and more transactions');
  }

  it('first looks at a mailbox and imports it', async () => {
    expect(await killUntilDone(slices.live)).toBeGreaterThan(3);
    expect(await killUntilDone(slices.backfill)).toBeGreaterThan(3);
    expect(await asking.differences()).toEqual([]);
    expect(await counts()).toEqual({ messages, placements: messages });
  });

  it('stores what another client did', async () => {
    const { dovecot } = asking;
    await appendLetters(asking, 'INBOX', 'new', 5);
    await expunge({ dovecot }, 'INBOX', '1:4');
    await asking.other.mailboxCreate('Elsewhere');
    await move({ dovecot }, '3:6', { from: 'INBOX', to: 'Elsewhere' });
    const before = await ids();
    expect(await killUntilDone(slices.live)).toBeGreaterThan(3);
    // What lies in a folder that is new is its history.
    expect(await killUntilDone(slices.backfill)).toBeGreaterThan(1);
    expect(await asking.differences()).toEqual([]);
    const after = await ids();
    // What is moved keeps its id, however often it was seen in between.
    expect(after.filter((id) => !before.includes(id))).toHaveLength(5);
    expect(before.filter((id) => !after.includes(id))).toHaveLength(4);
  });

  it('compares and mends, and counts each difference once', async () => {
    await damage();
    expect((await asking.differences()).length).toBeGreaterThan(10);
    expect(await killUntilDone(slices.reconcile, { sound: false })).toBeGreaterThan(3);
    expect(await asking.differences()).toEqual([]);
    const [totals] = await asking.mailbox.read(sql`
      select sum(listed)::int as listed, sum(stored)::int as stored, sum(extra)::int as extra,
        sum(missing_before)::int as before, sum(missing_after)::int as after,
        sum(altered)::int as altered, (count(*) - count(distinct folder_id))::int as doubled
      from reconciliations`);
    const all = messages + 5 - 4;
    expect(totals).toEqual({
      ...{ listed: all, stored: all, extra: 0, before: 11, after: 0, altered: 7, doubled: 0 },
    });
  });

  async function ids(): Promise<string[]> {
    const rows = await asking.mailbox.read(sql`select id from messages where hidden_at is null`);
    return rows.map(({ id }) => id as string);
  }

  async function counts(): Promise<unknown> {
    const [row] = await asking.mailbox.read(sql`
      select (select count(*)::int from messages) as messages,
        (select count(*)::int from placements) as placements`);
    return row;
  }

  /** What a superuser does by hand: no fence, no trigger. */
  async function damage(): Promise<void> {
    await asking.mailbox.base.owner.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`delete from messages where id in (
        select message_id from placements where hidden_at is null limit 7)`;
      await tx`delete from placements where (folder_id, uid) in (
        select folder_id, uid from placements p
        where hidden_at is null and exists (select from messages m where m.id = p.message_id)
        limit 11)`;
    });
  }
});
