import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Mailboxes } from '../emulators/imap/mailboxes.ts';
import { createImapEmulator, type ImapEmulator } from '../emulators/imap/server.ts';
import { dropped, openRewritingProxy, type RewritingProxy } from '../support/rewriting-proxy.ts';
import { openSlicedMailbox, type SlicedMailbox } from '../support/sliced-mailbox.ts';

const user = 'jane@example.com';
const plain = ['IMAP4rev1'];

let emulator: ImapEmulator;
let account: Mailboxes;
let proxy: RewritingProxy | undefined;
let mailbox: SlicedMailbox;
/** What the server says in the place of a line. */
let rewrite: (line: string) => string;
/** Commands that are refused. */
let refused: RegExp | undefined;

beforeEach(() => {
  rewrite = (line) => line;
  refused = undefined;
});

afterEach(async () => {
  await mailbox[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await emulator.close();
});

/** A server with five messages in the inbox and one in another folder. */
async function open(capabilities?: string[]): Promise<void> {
  emulator = await createImapEmulator({
    users: { [user]: 'secret' },
    ...(capabilities && { capabilities }),
    onCommand: (command) =>
      refused?.test(command) ? { reply: 'NO [NOPERM] not for you' } : 'continue',
  });
  account = emulator.account(user);
  account.create('Other');
  for (let i = 1; i <= 5; i += 1) append('INBOX', i);
  append('Other', 1);
  proxy = await openRewritingProxy(emulator.port, (line) => rewrite(line));
  mailbox = await openSlicedMailbox({ port: proxy.port, user, password: 'secret' });
}

function append(folder: string, number: number, flags: string[] = []): void {
  const id = `${folder}-${number}`;
  const lines = [`From: Ann <ann@example.org>`, `Subject: ${id}`, `Message-ID: <${id}@x>`];
  account.append(folder, `${lines.join('\r\n')}\r\n\r\n${id}\r\n`, { flags });
}

async function uids(folder = 'INBOX'): Promise<number[]> {
  return (await mailbox.places()).filter((each) => each.folder === folder).map(({ uid }) => uid);
}

async function folderRows(): Promise<unknown[]> {
  return await mailbox.read(sql`
    select f.uid_validity is not null as numbered, c.trouble
    from folders f join collections c on c.tenant_id = f.tenant_id and c.id = f.id
    order by c.stored desc`);
}

const done = { outcome: 'done' };
const levels: [string, string[] | undefined][] = [
  ['with every extension', undefined],
  ['with none', plain],
];

describe.each([
  ['says so at its opening', '[NOMODSEQ]'],
  ['says zero there too', '[HIGHESTMODSEQ 0]'],
])('a folder without mod-sequences at a CONDSTORE server, which %s', (_how, code) => {
  test('is looked through for changed flags', async () => {
    await open();
    rewrite = (line) =>
      line
        .replace(/\[HIGHESTMODSEQ \d+\]/, code)
        .replace(/ HIGHESTMODSEQ \d+/, ' HIGHESTMODSEQ 0')
        .replace(/ ?MODSEQ \(\d+\)/, '');
    await mailbox.importAll();
    const flags = async () => (await mailbox.places()).map(({ uid, flags: bits }) => [uid, bits]);
    account.setFlags('INBOX', [2], ['\\Seen']);
    expect(await mailbox.live()).toMatchObject({ ...done, updated: 1 });
    // What no counter tells is seen by the looks that nobody asked for.
    account.setFlags('INBOX', [4], ['\\Flagged']);
    expect(await mailbox.live()).toMatchObject({ ...done, updated: 0 });
    expect(await mailbox.live({ poked: false })).toMatchObject({ ...done, updated: 1 });
    expect(await flags()).toEqual(
      expect.arrayContaining([
        [2, 1],
        [4, 4],
        [3, 0],
      ]),
    );
  });
});

describe.each(levels)('a server %s', (_level, capabilities) => {
  test.each([
    ['lower than it is', (n: number) => Math.max(1, n - 3)],
    ['higher than it is', (n: number) => n + 1_000],
    ['not at all', undefined],
  ])('says UIDNEXT %s', async (_how, lie) => {
    await open(capabilities);
    rewrite = (line) => {
      if (!lie && line.includes('[UIDNEXT')) return dropped;
      const told = (n: string): string => (lie ? `UIDNEXT ${lie(Number(n))}` : '');
      return line.replace(
        /UIDNEXT (\d+)( ?)/,
        (_, n: string, gap: string) => told(n) + (lie ? gap : ''),
      );
    };
    await mailbox.importAll();
    expect(await uids()).toEqual([1, 2, 3, 4, 5]);
    for (const number of [6, 7]) {
      append('INBOX', number);
      expect(await mailbox.live()).toMatchObject({ ...done, stored: 1, removed: 0 });
    }
    account.expunge('INBOX', [2, 6]);
    append('INBOX', 8);
    expect(await mailbox.live()).toMatchObject({ ...done, stored: 1, removed: 2 });
    expect(await uids()).toEqual([1, 3, 4, 5, 7, 8]);
    expect(await mailbox.live({ poked: false })).toMatchObject({ ...done, stored: 0, removed: 0 });
  });

  test.each([
    ['0 until a folder is opened', /UIDVALIDITY \d+(?!\])/, 'UIDVALIDITY 0', true],
    ['not in its counters', /UIDVALIDITY \d+ ?(?!.*\])/, '', true],
    ['never', /UIDVALIDITY \d+ ?|\* OK \[UIDVALIDITY.*/, '', false],
  ])('says UIDVALIDITY %s', async (_how, pattern, instead, numbered) => {
    await open(capabilities);
    rewrite = (line) => {
      if (!numbered && line.includes('[UIDVALIDITY')) return dropped;
      return /^\* (STATUS|OK \[UIDV)/.test(line) && !(numbered && line.includes('['))
        ? line.replace(pattern, instead)
        : line;
    };
    await mailbox.importAll();
    append('INBOX', 6);
    expect(await mailbox.live()).toMatchObject({ ...done, stored: 1, removed: 0 });
    expect(await uids()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await folderRows()).toEqual([
      { numbered, trouble: null },
      { numbered, trouble: null },
    ]);
  });

  test('counts fewer messages than it has, without an EXPUNGE', async () => {
    await open(capabilities);
    await mailbox.importAll();
    rewrite = (line) =>
      line.replace(/^\* \d+ EXISTS/, '* 2 EXISTS').replace(/MESSAGES 5/, 'MESSAGES 2');
    expect(await mailbox.live()).toMatchObject({ ...done, removed: 0 });
    expect(await mailbox.live({ poked: false })).toMatchObject({ ...done, removed: 0 });
    rewrite = (line) => line;
    append('INBOX', 6);
    expect(await mailbox.live()).toMatchObject({ ...done, stored: 1, removed: 0 });
    expect(await uids()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('answers without FLAGS', async () => {
    await open(capabilities);
    append('INBOX', 6, ['\\Seen']);
    const withoutFlags = (line: string): string =>
      /^\* \d+ FETCH /.test(line) ? line.replace(/FLAGS \([^)]*\) ?/, '') : line;
    await mailbox.importAll();
    rewrite = withoutFlags;
    append('INBOX', 7, ['\\Seen']);
    account.setFlags('INBOX', [1], ['\\Flagged']);
    expect(await mailbox.live()).toMatchObject({ ...done, stored: 1 });
    expect(await mailbox.live({ poked: false })).toMatchObject(done);
    const flags = new Map((await mailbox.places()).map((each) => [each.uid, each.flags]));
    expect([flags.get(6), flags.get(7)]).toEqual([1, 0]);
  });

  test('is never asked for an ENVELOPE: addresses come from the headers', async () => {
    await open(capabilities);
    await mailbox.importAll();
    expect(emulator.commands.filter((command) => command.includes('ENVELOPE'))).toEqual([]);
    const senders = await mailbox.read(sql`select from participants where role = 'from'`);
    expect(senders).toHaveLength(6);
  });

  test('refuses to open a folder: that is shown, and the others go on', async () => {
    await open(capabilities);
    refused = /^EXAMINE "?Other/;
    await mailbox.importAll();
    expect(await uids()).toEqual([1, 2, 3, 4, 5]);
    expect(await folderRows()).toMatchObject([
      { trouble: null },
      { trouble: 'imap-folder-refused' },
    ]);
    append('INBOX', 6);
    expect(await mailbox.live()).toMatchObject({ ...done, stored: 1 });
    refused = undefined;
    await mailbox.importAll();
    expect(await uids('Other')).toEqual([1]);
    expect(await folderRows()).toMatchObject([{ trouble: null }, { trouble: null }]);
  });

  test('lists folders that hold no messages', async () => {
    await open(capabilities);
    rewrite = (line) =>
      line.replace(
        /^\* LIST \(([^)]*)\) "\/" "Other"/,
        '* LIST (\\NonExistent \\NoSelect) "/" "Other"',
      );
    await mailbox.importAll();
    expect((await mailbox.places()).map(({ folder }) => folder)).not.toContain('Other');
    const opened = emulator.commands.filter((command) => /^(EXAMINE|STATUS) "?Other/.test(command));
    expect(opened).toEqual([]);
  });
});
