import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ImapLines, openImapLines } from '../support/imap-lines.ts';
import type { Mailboxes } from './imap/mailboxes.ts';
import {
  createImapEmulator,
  defaultCapabilities,
  type ImapEmulator,
  type ImapEmulatorOptions,
} from './imap/server.ts';

const users = { 'jane@example.com': 'secret' };
let server: ImapEmulator;
let client: ImapLines;
let mail: Mailboxes;

beforeEach(() => start());

afterEach(stop);

async function start(options: Partial<ImapEmulatorOptions> = {}): Promise<void> {
  server = await createImapEmulator({ users, ...options });
  mail = server.account('jane@example.com');
  client = await openImapLines(server.port);
}

async function stop(): Promise<void> {
  client.close();
  await server.close();
}

/** An inbox of so many messages, open in a session. */
async function openInbox(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) mail.append('INBOX', `Subject: ${i}\r\n\r\nx\r\n`);
  await client.say('LOGIN jane@example.com secret');
  await client.say('SELECT INBOX');
}

describe('sequence numbers', () => {
  it('stay as they are during FETCH, STORE and SEARCH, and shift with the next command', async () => {
    await openInbox(4);
    mail.expunge('INBOX', [1, 3]);
    expect(await client.say('FETCH 2 UID')).toEqual(['* 2 FETCH (UID 2)', 'OK done']);
    expect(await client.say('SEARCH UID 4')).toEqual(['* SEARCH 4', 'OK done']);
    expect(await client.say('STORE 4 +FLAGS.SILENT (\\Seen)')).toEqual(['OK stored']);
    expect(await client.say('NOOP')).toEqual(['* 3 EXPUNGE', '* 1 EXPUNGE', 'OK done']);
    expect(await client.say('FETCH 2 (UID FLAGS)')).toEqual([
      '* 2 FETCH (UID 4 FLAGS (\\Seen))',
      'OK done',
    ]);
  });

  it('may shift during commands by UID', async () => {
    await openInbox(2);
    mail.expunge('INBOX', [1]);
    expect(await client.say('UID FETCH 2 UID')).toEqual([
      '* 2 FETCH (UID 2)',
      '* 1 EXPUNGE',
      'OK done',
    ]);
  });

  it('name no message beyond the last one', async () => {
    await openInbox(2);
    expect(await client.say('FETCH 1:3 UID')).toEqual([expect.stringMatching(/^BAD /)]);
    expect(await client.say('UID FETCH 7 UID')).toEqual(['OK done']);
    expect(await client.say('UID FETCH 7:* UID')).toEqual(['* 2 FETCH (UID 2)', 'OK done']);
  });
});

describe('mod-sequences', () => {
  it('are told to a session only once it asked for them', async () => {
    await openInbox(1);
    mail.setFlags('INBOX', [1], ['\\Seen']);
    expect(await client.say('NOOP')).toEqual(['* 1 FETCH (UID 1 FLAGS (\\Seen))', 'OK done']);
    expect(await client.say('ENABLE CONDSTORE')).toEqual(['* ENABLED CONDSTORE', 'OK done']);
    mail.setFlags('INBOX', [1], []);
    expect(await client.say('NOOP')).toEqual(['* 1 FETCH (UID 1 FLAGS () MODSEQ (4))', 'OK done']);
  });

  it('keep a conditional store from what had changed', async () => {
    await openInbox(3);
    mail.setFlags('INBOX', [2], ['\\Seen']);
    const answer = await client.say('UID STORE 1:3 (UNCHANGEDSINCE 4) +FLAGS.SILENT (\\Deleted)');
    expect(answer.at(-1)).toBe('OK [MODIFIED 2] some had changed');
    const flags = mail.folder('INBOX').messages.map((message) => [...message.flags].join());
    expect(flags).toEqual(['\\Deleted', '\\Seen', '\\Deleted']);
  });
});

describe('grammar', () => {
  it('that is not known is answered with BAD, and kept', async () => {
    const wrong = [
      'NONSENSE',
      'SELECT INBOX',
      'LOGIN onlyone',
      ' NOOP',
      'CAPABILITY now',
      'AUTHENTICATE PLAIN !',
    ];
    for (const command of wrong) {
      expect(await client.say(command)).toEqual([expect.stringMatching(/^BAD /)]);
    }
    expect(server.faults.map((fault) => fault.split(' → ')[0])).toEqual(wrong);
    expect(await client.say('LOGIN jane@example.com secret')).toHaveLength(1);
    expect(await client.say('SELECT "B\u00fcro"')).toEqual([expect.stringMatching(/^BAD /)]);
  });

  it('lets a literal wait for its invitation, or not', async () => {
    client.write('a LOGIN {16}');
    expect(await client.next()).toBe('+ go ahead');
    client.write('jane@example.com {6+}');
    client.write('secret');
    expect(await client.next()).toMatch(/^a OK /);
  });

  it('ends a session that sends what it was not offered to send unasked', async () => {
    await stop();
    await start({ capabilities: ['IMAP4rev1'] });
    client.write('a LOGIN {16+}');
    expect(await client.next()).toMatch(/^\* BYE /);
    expect(server.faults).toHaveLength(1);
  });

  it('knows no extension that is not offered', async () => {
    await stop();
    await start({ capabilities: ['IMAP4rev1'] });
    await openInbox(1);
    for (const command of [
      'ENABLE CONDSTORE',
      'IDLE',
      'UID MOVE 1 INBOX',
      'UID EXPUNGE 1',
      'UNSELECT',
      'FETCH 1 MODSEQ',
      'SEARCH RETURN (ALL) ALL',
      'LIST "" * RETURN (STATUS (MESSAGES))',
      'SELECT INBOX (CONDSTORE)',
    ]) {
      expect(await client.say(command)).toEqual([expect.stringMatching(/^BAD /)]);
    }
    expect(await client.say('FETCH 1 UID')).toEqual(['* 1 FETCH (UID 1)', 'OK done']);
  });
});

describe('a limit on messages', () => {
  beforeEach(async () => {
    await stop();
    await start({ capabilities: [...defaultCapabilities, 'MESSAGELIMIT=2'] });
    await openInbox(4);
  });

  it('is kept to by reading the highest, and told with how far it came', async () => {
    expect(await client.say('UID FETCH 1:3 UID')).toEqual([
      '* 2 FETCH (UID 2)',
      '* 3 FETCH (UID 3)',
      'OK [MESSAGELIMIT 2 2] done',
    ]);
    expect(await client.say('UID FETCH 1:2 UID')).toContain('OK done');
  });

  it('counts the messages that are searched, not those that are found', async () => {
    const answer = ['* SEARCH', 'OK [MESSAGELIMIT 2 3] done'];
    expect(await client.say('SEARCH SEEN')).toEqual(answer);
    expect(await client.say('SEARCH UNSEEN')).toEqual(['* SEARCH 3 4', answer[1]]);
    expect(await client.say('UID SEARCH UID 1:2 UNSEEN')).toEqual(['* SEARCH 1 2', 'OK done']);
  });

  it('lets a part be stored, moved and expunged, and nothing be copied', async () => {
    mail.create('Other');
    expect(await client.say('UID STORE 1:4 +FLAGS.SILENT (\\Deleted)')).toEqual([
      'OK [MESSAGELIMIT 2 3] stored',
    ]);
    expect(await client.say('UID STORE 1:2 +FLAGS.SILENT (\\Deleted)')).toEqual(['OK stored']);
    expect(await client.say('UID COPY 1:4 Other')).toEqual([
      'NO [MESSAGELIMIT 2] too many messages',
    ]);
    expect(mail.folder('Other').messages).toEqual([]);
    const expunged = await client.say('UID EXPUNGE 1:3');
    expect(expunged.at(-1)).toBe('OK [MESSAGELIMIT 2 2] expunged');
    mail.append('INBOX', 'Subject: 5\r\n\r\nx\r\n');
    await client.say('NOOP');
    const moved = await client.say('UID MOVE 1:5 Other');
    expect(moved.at(-1)).toBe('OK [MESSAGELIMIT 2 4] moved');
    expect(mail.folder('INBOX').messages.map(({ uid }) => uid)).toEqual([1]);
  });

  it('is told in a line of its own where the last one has a code already', async () => {
    const [first, ...rest] = await client.say('UID STORE 1:4 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)');
    expect(first).toBe('* NO [MESSAGELIMIT 2 3] for the last 2 only');
    expect(rest).toEqual(['OK [MODIFIED 3:4] some had changed']);
  });
});
