import { sql } from 'drizzle-orm';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  askOf,
  expunge,
  letter,
  looked,
  messagesNamed,
  readStatus,
  rowsOf,
} from '../support/mailbox-rows.ts';
import { findOffences } from '../support/store-invariants.ts';
import { startSyncedMailbox, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';
import { undisturbed } from '../support/slice-life.ts';

let mailbox: SyncedMailbox;

beforeAll(async () => {
  mailbox = await startSyncedMailbox({
    capabilities: 'condstore',
    prepare: async (client) => {
      for (let i = 0; i < 20; i += 1) await client.append('INBOX', letter(`mail-${i}@x`));
    },
  });
  await looked(mailbox);
}, 120_000);

afterAll(() => mailbox.stop());

it('a deletion that no slice has noticed is found by the comparison', async () => {
  await expunge(mailbox, 'INBOX', '3');
  await looked(mailbox);
  // As if the change had never been told: the row is shown, and every counter agrees.
  await mailbox.base.owner.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update placements set hidden_at = null`;
    await tx`update messages set hidden_at = null`;
    await tx`delete from tombstones`;
  });
  await looked(mailbox);
  expect(await mailbox.differences()).toHaveLength(1);
  const before = (await readStatus(mailbox))['reconciled_at'];
  await askOf(mailbox, 'reconcile_requested_at');
  await mailbox.poke();
  await waitFor(async () => (await readStatus(mailbox))['reconciled_at'] !== before, {
    what: 'the reconciliation',
    timeoutMs: 45_000,
  });
  expect(await mailbox.differences()).toEqual([]);
  expect(await messagesNamed(mailbox, 'mail-2@x')).toMatchObject([{ hidden: true }]);
});

it('what is hidden is erased after the undo window, with all that only it needed', async () => {
  await mailbox.base.owner.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`update placements set hidden_at = now() - interval '25 hours'
      where hidden_at is not null`;
    await tx`update messages set hidden_at = now() - interval '25 hours'
      where hidden_at is not null`;
    await tx`update tombstones set at = now() - interval '31 days'`;
  });
  const { tenantId, connectionId } = mailbox.licence;
  const target = { tenantId, connectionId, capability: 'mail' as const };
  await runLiveSlice(
    mailbox.worker.deps,
    { ...target, poked: false, cautious: false, failuresBefore: 0 },
    undisturbed,
  );
  expect(await messagesNamed(mailbox, 'mail-2@x')).toEqual([]);
  expect(await rowsOf(mailbox, sql`select from tombstones`)).toEqual([]);
  expect(await rowsOf(mailbox, sql`select from placements where hidden_at is not null`)).toEqual(
    [],
  );
  expect(await findOffences(mailbox.base.app, tenantId)).toEqual([]);
});
