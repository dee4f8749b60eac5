import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { gmailCapabilities } from '../emulators/imap/gmail.ts';
import type { Mailboxes } from '../emulators/imap/mailboxes.ts';
import { createImapEmulator, type ImapEmulator } from '../emulators/imap/server.ts';
import { openSlicedMailbox, type SlicedMailbox } from '../support/sliced-mailbox.ts';

const user = 'jane@example.com';
const allMail = '[Gmail]/All Mail';
const trash = '[Gmail]/Trash';
const spam = '[Gmail]/Spam';

let emulator: ImapEmulator;
let account: Mailboxes;
let mailbox: SlicedMailbox;

beforeEach(async () => {
  emulator = await createImapEmulator({
    users: { [user]: 'secret' },
    capabilities: gmailCapabilities,
  });
  account = emulator.account(user);
  account.create('Kunden/Müller & Söhne');
  append('INBOX', 'one');
  append('INBOX', 'two');
  label([2], ['\\Important', 'Kunden/Müller & Söhne'], 'add');
  append('[Gmail]/Sent Mail', 'three', { from: user });
  append(spam, 'four');
  append(trash, 'five');
  mailbox = await openSlicedMailbox({ port: emulator.port, user, password: 'secret' });
});

afterEach(async () => {
  if (emulator.faults.length > 0) throw new Error(`bad commands: ${emulator.faults.join()}`);
  await mailbox[Symbol.asyncDispose]();
  await emulator.close();
});

describe('a Gmail host', () => {
  test('every message is stored once, with its labels', async () => {
    await mailbox.importAll();
    expect(await shown()).toEqual([
      [allMail, 1, ['\\Inbox']],
      [allMail, 2, ['Kunden/Müller & Söhne', '\\Important', '\\Inbox']],
      [allMail, 3, ['\\Sent']],
      [spam, 1, []],
      [trash, 1, []],
    ]);
    const sent = await mailbox.read(sql`select from messages where direction = 'outbound'`);
    expect(sent).toHaveLength(1);
    const opened = emulator.commands.filter((command) => /^(EXAMINE|SELECT|STATUS)/.test(command));
    expect(opened.filter((command) => !/\[Gmail\]\/(All Mail|Spam|Trash)/.test(command))).toEqual(
      [],
    );
    expect(opened.length).toBeGreaterThan(3);
  });

  test('a label that changes is a change of the message', async () => {
    await mailbox.importAll();
    label([1], ['Später', '\\Starred'], 'add');
    label([2], ['\\Inbox'], 'remove');
    expect(await mailbox.live()).toMatchObject({ outcome: 'done', updated: 2, stored: 0 });
    expect((await shown()).slice(0, 2)).toEqual([
      [allMail, 1, ['Später', '\\Inbox', '\\Starred']],
      [allMail, 2, ['Kunden/Müller & Söhne', '\\Important']],
    ]);
  });

  test('a message keeps its id on its way to the trash, to spam and back', async () => {
    await mailbox.importAll();
    const [before] = await mailbox.places();
    account.move('INBOX', [1], trash);
    await mailbox.live();
    expect(await placeOf(before!.id)).toEqual([trash, 2]);
    account.move(trash, [2], spam);
    account.move(spam, [2], allMail);
    await mailbox.live();
    expect(await placeOf(before!.id)).toEqual([allMail, 4]);
    account.move(allMail, [4], trash);
    account.expunge(trash, [3]);
    await mailbox.live();
    expect(await placeOf(before!.id)).toEqual([]);
    expect(await mailbox.places()).toHaveLength(4);
  });

  test('threads are those of the host, whatever References say', async () => {
    const [first] = account.folder(allMail).messages;
    append('INBOX', 'silent reply', { thread: first!.thread });
    append('INBOX', 'loud stranger', { references: '<one@example.org>' });
    await mailbox.importAll();
    append('INBOX', 'late reply', { thread: first!.thread });
    await mailbox.live();
    const threads = (await mailbox.places())
      .filter(({ folder }) => folder === allMail)
      .map(({ threadId }) => threadId);
    expect(threads.map((thread) => threads.indexOf(thread))).toEqual([0, 1, 2, 0, 4, 0]);
  });

  test('a mailbox that hides All Mail from IMAP says what to do', async () => {
    account.apply({ op: 'delete', folder: allMail });
    expect(await mailbox.live()).toMatchObject({
      outcome: 'failed',
      failure: { kind: 'permission-missing', code: 'imap-all-mail-hidden' },
    });
    expect(await mailbox.places()).toEqual([]);
  });
});

function append(
  folder: string,
  subject: string,
  options: { from?: string; thread?: string; references?: string } = {},
): void {
  const { from = 'ann@example.org', thread, references } = options;
  const lines = [
    `From: ${from}`,
    `Subject: ${subject}`,
    `Message-ID: <${subject.replaceAll(' ', '-')}@example.org>`,
    ...(references ? [`References: ${references}`] : []),
  ];
  account.append(folder, `${lines.join('\r\n')}\r\n\r\n${subject}\r\n`, {
    ...(thread && { thread }),
  });
}

function label(uids: number[], labels: string[], mode: 'add' | 'remove'): void {
  account.apply({ op: 'labels', folder: allMail, uids, labels, mode });
}

async function shown(): Promise<[string, number, string[]][]> {
  return (await mailbox.places()).map(({ folder, uid, labels }) => [folder, uid, labels]);
}

async function placeOf(id: string): Promise<(string | number)[]> {
  return (await mailbox.places())
    .filter((place) => place.id === id)
    .flatMap(({ folder, uid }) => [folder, uid]);
}
