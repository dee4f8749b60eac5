import { sql } from 'drizzle-orm';
import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askOf, letter, looked, rowsOf } from '../support/mailbox-rows.ts';
import { startSyncedMailbox, withClient, type SyncedMailbox } from '../support/synced-mailbox.ts';

const messages = 130;

let mailbox: SyncedMailbox;

beforeAll(async () => {
  mailbox = await startSyncedMailbox({
    capabilities: 'condstore',
    prepare: fill,
  });
  await looked(mailbox);
}, 120_000);

afterAll(() => mailbox.stop());

it('a new UIDVALIDITY brings the same messages under their old ids', async () => {
  const before = await identities();
  const numbering = await uidValidity();
  await withClient(mailbox.dovecot, async (client) => {
    await client.mailboxDelete('Kept');
  });
  // A session of its own: the server's index of folders is renewed with it.
  await withClient(mailbox.dovecot, fill);
  await looked(mailbox);
  expect(await mailbox.differences()).toEqual([]);
  expect(await uidValidity()).not.toEqual(numbering);
  expect(await identities()).toEqual(before);
});

it('a resync from the start replays nothing as new', async () => {
  const before = await identities();
  await askOf(mailbox, 'resync_requested_at');
  await looked(mailbox);
  expect(await mailbox.differences()).toEqual([]);
  expect(await identities()).toEqual(before);
});

/** The same messages, received at the same times, in a folder that is made for them. */
async function fill(client: ImapFlow): Promise<void> {
  await client.mailboxCreate('Kept');
  for (let i = 0; i < messages; i += 1) {
    await client.append('Kept', letter(`kept-${i}@x`), [], new Date(Date.UTC(2026, 0, 1, 0, i)));
  }
}

async function uidValidity(): Promise<unknown[]> {
  return await rowsOf(
    mailbox,
    sql`select distinct f.uid_validity from folders f join placements p on p.folder_id = f.id`,
  );
}

/** Every message with what must stay as it is. */
async function identities(): Promise<unknown[]> {
  return await rowsOf(
    mailbox,
    sql`select id, thread_id, created_at from messages where hidden_at is null order by id`,
  );
}
