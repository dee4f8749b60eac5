import { sql } from 'drizzle-orm';
import type { TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askOf, expunge, looked, readStatus, rowsOf } from '../support/mailbox-rows.ts';
import { findOffences } from '../support/store-invariants.ts';
import { startSyncedMailbox, withClient, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

const messages = 400;
/** After the test that expunges some. */
const left = messages - 4;

describe.each(['qresync', 'plain'] as const)('reconciliation with a %s server', (capabilities) => {
  let mailbox: SyncedMailbox;

  beforeAll(async () => {
    const generate = { messages, folders: 5, seed: 23, mix: 'usual' } as const;
    mailbox = await startSyncedMailbox({ capabilities, generate });
    await withClient(mailbox.dovecot, async (client) => {
      await client.mailboxOpen('INBOX');
      await client.messageFlagsAdd('1:5', ['$Important', '\\Flagged']);
    });
    await looked(mailbox);
  }, 120_000);

  afterAll(() => mailbox.stop());

  it('follows the import by itself and states completeness', async () => {
    await waitFor(async () => (await readStatus(mailbox))['reconciled_at'] !== null, {
      what: 'the first reconciliation',
      timeoutMs: 45_000,
    });
    expect(await totals(mailbox)).toMatchObject({ missing_before: 0, missing_after: 0 });
  });

  it('finds nothing to mend in an undamaged store, whatever it opens', async () => {
    expect(await reconcile(mailbox)).toEqual({
      ...{ listed: messages, stored: messages, outside: 0 },
      ...{ missing_before: 0, missing_after: 0, extra: 0, altered: 0 },
    });
  });

  it('erases addresses that nobody has', async () => {
    const unused = () => mailbox.base.owner.sql`
      select from addresses a where not exists
        (select from participants p where p.tenant_id = a.tenant_id and p.address_id = a.id)`;
    await damage(mailbox, async (tx) => {
      await tx`insert into addresses (tenant_id, id, address)
        select tenant_id, gen_random_uuid(), '' from sync_status`;
    });
    expect(await unused()).not.toHaveLength(0);
    await reconcile(mailbox);
    expect(await unused()).toHaveLength(0);
  });

  it('reads again what was deleted, and says so', async () => {
    await damage(mailbox, async (tx) => {
      await tx`delete from messages where id in (select message_id from placements limit 7)`;
      await tx`delete from placements where (folder_id, uid) in (
        select folder_id, uid from placements p
        where exists (select from messages m where m.id = p.message_id) limit 11)`;
    });
    expect((await mailbox.differences()).length).toBeGreaterThan(10);
    expect(await reconcile(mailbox)).toMatchObject({
      ...{ listed: messages, stored: messages, missing_before: 11, missing_after: 0 },
      ...{ extra: 0, altered: 7 },
    });
    await expectSound(mailbox);
  });

  it('hides what was doubled, and what should be gone', async () => {
    await expunge(mailbox, 'INBOX', '1:4');
    await looked(mailbox);
    await damage(mailbox, async (tx) => {
      await tx`
        insert into messages select (jsonb_populate_record(m,
          jsonb_build_object('id', gen_random_uuid()))).* from messages m limit 3`;
      await tx`update placements set hidden_at = null`;
      await tx`update messages set hidden_at = null`;
      await tx`update collections set stored = stored + 5`;
    });
    expect(await reconcile(mailbox)).toMatchObject({
      ...{ listed: left, stored: left, missing_before: 0, missing_after: 0, extra: 3 + 4 },
    });
    await expectSound(mailbox);
  });

  it('mends what was altered: sealed values, indexes, participants, names, flags', async () => {
    const altered = await damage(mailbox, async (tx) => {
      const rows = await tx<{ id: string }[]>`
        select m.id from messages m join placements p on p.message_id = m.id
        where m.hidden_at is null and p.hidden_at is null and exists (
          select from participants t where t.message_id = m.id)
        order by m.id limit 5`;
      const [a, b, c, d, e] = rows.map(({ id }) => id);
      await tx`update messages set body = set_byte(body, 20, get_byte(body, 20) # 1)
        where id = ${a!}`;
      await tx`update messages set envelope = (select envelope from messages where id = ${a!})
        where id = ${b!}`;
      await tx`update messages set content_index = gen_random_uuid() where id = ${c!}`;
      await tx`delete from participants where message_id = ${d!}`;
      await tx`update placements set flags = flags # 4 where message_id = ${e!}`;
      await tx`delete from labels`;
      return rows.length;
    });
    const found = await reconcile(mailbox);
    expect(found).toMatchObject({ stored: left, missing_after: 0 });
    expect(found['altered']).toBeGreaterThanOrEqual(altered);
    await expectSound(mailbox);
    expect(await reconcile(mailbox)).toMatchObject({ altered: 0, extra: 0, missing_before: 0 });
  });
});

/** What a superuser does by hand: no fence, no trigger. */
async function damage<T>(
  { base }: SyncedMailbox,
  work: (tx: TransactionSql) => Promise<T>,
): Promise<T> {
  return (await base.owner.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    return await work(tx);
  })) as T;
}

/** Asks for a reconciliation of everything and waits for its end. */
async function reconcile(mailbox: SyncedMailbox): Promise<Record<string, unknown>> {
  const before = (await readStatus(mailbox))['reconciled_at'];
  await askOf(mailbox, 'reconcile_requested_at');
  await mailbox.poke();
  await waitFor(async () => (await readStatus(mailbox))['reconciled_at'] !== before, {
    what: 'the reconciliation',
    timeoutMs: 45_000,
  });
  return await totals(mailbox);
}

async function totals(mailbox: SyncedMailbox): Promise<Record<string, unknown>> {
  const [row] = await rowsOf(
    mailbox,
    sql`select sum(listed)::int as listed, sum(outside)::int as outside,
      sum(r.stored)::int as stored, sum(missing_before)::int as missing_before,
      sum(missing_after)::int as missing_after, sum(extra)::int as extra,
      sum(altered)::int as altered
    from reconciliations r, sync_status s where r.started_at >= s.reconciled_at`,
  );
  return row!;
}

async function expectSound(mailbox: SyncedMailbox): Promise<void> {
  expect(await mailbox.differences()).toEqual([]);
  expect(await findOffences(mailbox.base.app, mailbox.licence.tenantId)).toEqual([]);
}
