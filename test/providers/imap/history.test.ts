import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MailSession } from '../../../domain/provider.ts';
import { startDovecot, type CapabilityLevel, type Dovecot } from '../../support/dovecot.ts';
import {
  appendMany,
  dovecotAccount,
  findCollection,
  localProvider,
  plainMail,
  readHistory,
  smallPages,
  textOf,
  uidsOf,
} from './support.ts';

const boundary = 'b1';
const mixed = [
  'From: Ann <ann@example.org>',
  'Subject: With attachments',
  `Content-Type: multipart/mixed; boundary=${boundary}`,
  '',
  `--${boundary}`,
  'Content-Type: multipart/alternative; boundary=b2',
  '',
  '--b2',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'gr=FC=DFe',
  '--b2',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<p>hello</p>',
  '--b2--',
  `--${boundary}`,
  'Content-Type: text/plain; name="notes.txt"',
  '',
  'SECRET-ATTACHMENT',
  `--${boundary}`,
  'Content-Type: application/pdf',
  'Content-Disposition: attachment; filename="a b.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  'U0VDUkVULUFUVEFDSE1FTlQ=',
  `--${boundary}`,
  'Content-Type: message/rfc822',
  '',
  'Subject: forwarded',
  '',
  'SECRET-ATTACHMENT',
  `--${boundary}--`,
  '',
].join('\r\n');

describe.each<CapabilityLevel>(['condstore', 'plain'])('history at a %s server', (level) => {
  const provider = localProvider();
  let dovecot: Dovecot;
  let admin: ImapFlow;
  let session: MailSession;

  beforeAll(async () => {
    dovecot = await startDovecot({ capabilities: level, rawLog: true });
    admin = await dovecot.imap();
    session = await provider.connect(dovecotAccount(dovecot));
  });
  afterAll(async () => {
    await session[Symbol.asyncDispose]();
    await provider.close();
    await admin.logout();
    await dovecot.stop();
  });

  test('is complete, newest first, with holes in the numbering', async () => {
    await admin.mailboxCreate('Sparse');
    await appendMany(admin, 'Sparse', 30);
    await admin.mailboxOpen('Sparse');
    await admin.messageDelete('1:4,9,11:19,30', { uid: true });
    const pages = await readHistory(session, 'Sparse');
    const expected = [29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 10, 8, 7, 6, 5];
    expect(uidsOf(pages)).toEqual(expected);
    expect(pages.map((page) => page.more)).toEqual([true, true, false]);
    expect(pages.map((page) => page.listed)).toEqual([15, 15, 15]);
    expect(pages.at(-1)?.cursor).toMatchObject({ nextUid: 1 });
    const first = pages[0]?.messages[0];
    expect(textOf(first?.header)).toContain('Subject: No. 28');
    expect(textOf(first?.leaves[0]?.content)).toBe('Some text.\r\n');
    expect(first?.version === 0n).toBe(level === 'plain');
  });

  test('goes on from a cursor, and is over at its end', async () => {
    const pages = await readHistory(session, 'Sparse');
    const rest = await readHistory(session, 'Sparse', { cursor: pages[0]!.cursor });
    expect(uidsOf([pages[0]!, ...rest])).toEqual(uidsOf(pages));
    expect(rest.at(-1)?.listed).toBe(15);
    const none = await readHistory(session, 'Sparse', { cursor: pages.at(-1)!.cursor });
    expect(none).toMatchObject([{ messages: [], more: false, cursor: { nextUid: 1 } }]);
  });

  test('an empty folder is one empty page', async () => {
    await admin.mailboxCreate('Empty');
    const pages = await readHistory(session, 'Empty');
    expect(pages).toMatchObject([{ messages: [], failures: [], more: false, listed: 0 }]);
  });

  test('ends at the depth asked for, and counts only what lies inside', async () => {
    await admin.mailboxCreate('Dated');
    for (const day of ['2024-01-10', '2024-02-09', '2024-02-10', '2024-03-01']) {
      await appendMany(admin, 'Dated', 1, new Date(`${day}T12:00:00Z`));
    }
    const since = new Date('2024-02-10T06:00:00Z');
    const pages = await readHistory(session, 'Dated', { since });
    expect(uidsOf(pages)).toEqual([4, 3]);
    expect(pages.at(-1)?.listed).toBe(level === 'plain' ? undefined : 2);
  });

  test('fetches text, names attachments, and asks for no part of one', async () => {
    await admin.mailboxCreate('Mixed');
    await admin.append('Mixed', mixed, ['\\Seen', '$Forwarded', '\\Flagged']);
    const [page] = await readHistory(session, 'Mixed');
    const message = page?.messages[0];
    expect(message).toMatchObject({ flags: 5, keywords: ['$Forwarded'] });
    expect(message?.leaves.map(({ content, ...leaf }) => [leaf, textOf(content)])).toEqual([
      [leafOf('plain', 'iso-8859-1', 'quoted-printable'), 'gr=FC=DFe'],
      [leafOf('html', 'utf-8', '7bit'), '<p>hello</p>'],
    ]);
    expect(message?.attachments.map(({ name, type, part }) => [name, type, part])).toEqual([
      ['notes.txt', 'text/plain', '2'],
      ['a b.pdf', 'application/pdf', '3'],
      ['', 'message/rfc822', '4'],
    ]);
    const fetched = dovecot.commands().match(/BODY(\.PEEK)?\[[^\]]*\]/g) ?? [];
    expect(new Set(fetched)).toEqual(
      new Set(['BODY.PEEK[HEADER]', 'BODY.PEEK[1]', 'BODY.PEEK[1.1]', 'BODY.PEEK[1.2]']),
    );
    // Reading leaves no trace.
    expect(await admin.status('Sparse', { unseen: true })).toMatchObject({ unseen: 15 });
  });

  test('a message without text has no leaves', async () => {
    await admin.mailboxCreate('Bare');
    await admin.append('Bare', 'Subject: only an image\r\nContent-Type: image/png\r\n\r\nx');
    await admin.append('Bare', 'Subject: empty\r\n\r\n');
    const [page] = await readHistory(session, 'Bare');
    expect(page?.failures).toEqual([]);
    expect(page?.messages.map(({ leaves }) => leaves.length)).toEqual([1, 0]);
    expect(page?.messages[0]?.leaves[0]?.content).toHaveLength(0);
  });

  test('a message that vanishes between the listing and the fetch is no fault', async () => {
    await admin.mailboxCreate('Racing');
    await appendMany(admin, 'Racing', 30);
    const collection = await findCollection(session, 'Racing');
    const request = { collection, cursor: null, since: undefined, bounds: smallPages };
    const seen: number[] = [];
    await admin.mailboxOpen('Racing');
    for await (const page of session.history(request)) {
      expect(page.failures).toEqual([]);
      if (seen.length === 0) await admin.messageDelete('1:12', { uid: true });
      seen.push(...page.messages.map(({ uid }) => uid));
    }
    expect(seen.slice(0, 14)).toEqual([30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17]);
    expect(seen.every((uid, i) => uid === 30 - i)).toBe(true);
  });

  test('pages keep to their bytes, whatever the messages weigh', async () => {
    await admin.mailboxCreate('Heavy');
    for (let i = 0; i < 5; i += 1) {
      await admin.append('Heavy', plainMail('heavy', `${'x'.repeat(70)}\r\n`.repeat(8_000)));
    }
    await admin.append('Heavy', plainMail('huge', `${'y'.repeat(70)}\r\n`.repeat(40_000)));
    const pages = await readHistory(session, 'Heavy');
    expect(uidsOf(pages)).toEqual([6, 5, 4, 3, 2, 1]);
    expect(pages.map(({ messages }) => messages.length)).toEqual([1, 1, 1, 1, 1, 1]);
    const [huge, heavy] = pages.map((page) => page.messages[0]?.leaves[0]);
    expect(huge).toMatchObject({ truncated: true, content: { length: 2 * 1024 * 1024 } });
    expect(heavy).toMatchObject({ truncated: false });
    // Moving to a thread takes the whole page and nothing else with it.
    const { header, leaves } = pages[1]!.messages[0]!;
    expect(header.buffer).toBe(leaves[0]?.content.buffer);
    expect(header.buffer.byteLength).toBe(header.length + leaves[0]!.content.length);
    expect(() =>
      structuredClone(header, { transfer: [header.buffer as ArrayBuffer] }),
    ).not.toThrow();
  });

  test('a consumer that stops early leaves a session that works', async () => {
    const collection = await findCollection(session, 'Racing');
    const request = { collection, cursor: null, since: undefined, bounds: smallPages };
    for await (const page of session.history(request)) {
      expect(page.more).toBe(true);
      break;
    }
    expect(uidsOf(await readHistory(session, 'Sparse'))).toHaveLength(15);
  });
});

function leafOf(subtype: string, charset: string, encoding: string): object {
  return { subtype, charset, encoding, truncated: false };
}
