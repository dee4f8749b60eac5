import { sql } from 'drizzle-orm';
import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askOf, letter, looked, rowsOf } from '../support/mailbox-rows.ts';
import { startSyncedMailbox, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

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
  await waitFor(madeAnew, { what: 'the folder to be made anew' });
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

/**
 * Another client deletes the folder and makes it again. While somebody reads it, as the worker may,
 * Dovecot takes the new one for the old for a moment and refuses; then the client begins again.
 */
async function madeAnew(): Promise<boolean> {
  const client = await mailbox.dovecot.imap();
  try {
    await client.mailboxDelete('Kept').catch(unless('NONEXISTENT'));
    await fill(client);
    return true;
  } catch (error) {
    if (/deleted under us/.test(String((error as ServerRefusal).response))) return false;
    throw error;
  } finally {
    client.close();
  }
}

type ServerRefusal = Error & { response?: string; serverResponseCode?: string };

const unless = (code: string) => (error: ServerRefusal) => {
  if (error.serverResponseCode !== code) throw error;
};

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
