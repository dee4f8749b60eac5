import { sql } from 'drizzle-orm';
import type { ImapFlow } from 'imapflow';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startDovecot, type CapabilityLevel, type Dovecot } from '../support/dovecot.ts';
import { openSlicedMailbox, type SlicedMailbox } from '../support/sliced-mailbox.ts';

const levels = ['qresync', 'condstore', 'plain'] as const satisfies CapabilityLevel[];

describe.each(levels)('mail that passes between two slices at a %s server', (capabilities) => {
  let dovecot: Dovecot;
  let client: ImapFlow;
  let mailbox: SlicedMailbox;

  beforeEach(async () => {
    dovecot = await startDovecot({ capabilities });
    client = await dovecot.imap();
    for (const folder of ['First', 'Second']) await client.mailboxCreate(folder);
    for (const folder of ['INBOX', 'First', 'Second']) await client.append(folder, mail('stays'));
    mailbox = await openSlicedMailbox(dovecot);
    await mailbox.importAll();
  });
  afterEach(async () => {
    await client.logout();
    await mailbox[Symbol.asyncDispose]();
    await dovecot.stop();
  });

  test('arrived, moved twice and expunged, it leaves no trace and no error', async () => {
    const before = await traces(mailbox);
    await client.append('INBOX', mail('passes'));
    await move('INBOX', 'First');
    await move('First', 'Second');
    await expunge('Second');
    const nothing = { outcome: 'done', stored: 0, updated: 0, removed: 0, skipped: 0 };
    expect(await mailbox.live()).toMatchObject(nothing);
    expect(await mailbox.live({ poked: false })).toMatchObject(nothing);
    expect(await traces(mailbox)).toEqual(before);
  });

  test('moved twice, it is one message at its last place', async () => {
    await client.append('INBOX', mail('passes'));
    await mailbox.live();
    const [known] = (await mailbox.places()).filter(({ uid }) => uid === 2);
    await move('INBOX', 'First');
    await move('First', 'Second');
    await mailbox.live();
    await mailbox.live({ poked: false });
    const places = (await mailbox.places()).filter(({ uid }) => uid === 2);
    expect(places.map(({ folder, id }) => [folder, id])).toEqual([['Second', known!.id]]);
  });

  async function move(from: string, to: string): Promise<void> {
    const lock = await client.getMailboxLock(from);
    await client.messageMove('*', to);
    lock.release();
  }

  async function expunge(folder: string): Promise<void> {
    const lock = await client.getMailboxLock(folder);
    await client.messageDelete('*');
    lock.release();
  }
});

const mail = (id: string) => `Subject: ${id}\r\nMessage-ID: <${id}@x>\r\n\r\n${id}\r\n`;

/** Everything that a message leaves behind, hidden rows included. */
async function traces({ read, places }: SlicedMailbox): Promise<unknown> {
  const counts = await read(sql`
    select (select count(*) from messages) as messages,
      (select count(*) from placements) as placements,
      (select count(*) from participants) as participants,
      (select count(*) from thread_references) as "references",
      (select count(*) from skips) as skips,
      (select sum(stored) from collections) as stored`);
  return { counts, places: await places() };
}
