import { ImapFlow } from 'imapflow';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { createImapEmulator, type ImapEmulator } from './imap/server.ts';

const user = 'jane@example.com';
const clients: ImapFlow[] = [];
let server: ImapEmulator;

beforeEach(async () => {
  server = await createImapEmulator({ users: { [user]: 'a "pass" \\ wörd' } });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
  // The official client says nothing that the grammar does not know; what tests say, they take out.
  if (server.faults.length > 0) throw new Error(`answered with BAD: ${server.faults.join('; ')}`);
});

async function connect(pass = 'a "pass" \\ wörd'): Promise<ImapFlow> {
  const { port } = server;
  const client = new ImapFlow({
    ...{ host: '127.0.0.1', port, secure: false, doSTARTTLS: false, logger: false },
    auth: { user, pass },
  });
  clients.push(client);
  await client.connect();
  return client;
}

function fill(count: number): number[] {
  const mail = server.account(user);
  return Array.from({ length: count }, (_, i) =>
    mail.append('INBOX', `Subject: ${i}\r\n\r\nx\r\n`),
  );
}

test('a wrong password is refused', async () => {
  await expect(connect('wrong')).rejects.toMatchObject({ authenticationFailed: true });
});

test('folders with names of any script are made, listed with counters, renamed, deleted', async () => {
  const client = await connect();
  await client.mailboxCreate('Projekte/Büro & Co');
  await client.mailboxCreate('請求書');
  server.account(user).create('Sent', '\\Sent');
  server.account(user).append('請求書', 'Subject: x\r\n\r\n', { flags: ['\\Seen'] });
  const listed = await client.list({
    statusQuery: { messages: true, unseen: true, uidNext: true },
  });
  const byPath = new Map(listed.map((each) => [each.path, each]));
  expect([...byPath.keys()].toSorted()).toEqual(
    ['INBOX', 'Projekte', 'Projekte/Büro & Co', 'Sent', '請求書'].toSorted(),
  );
  expect(byPath.get('Sent')?.specialUse).toBe('\\Sent');
  expect(byPath.get('請求書')?.status).toMatchObject({ messages: 1, unseen: 0, uidNext: 2 });
  await client.mailboxRename('Projekte', 'プロジェクト');
  await client.mailboxDelete('請求書');
  const paths = (await client.list()).map(({ path }) => path);
  expect(paths).toContain('プロジェクト/Büro & Co');
  expect(paths).not.toContain('請求書');
});

test('an appended message comes back byte for byte, with its flags and its date', async () => {
  const client = await connect();
  const raw = Buffer.from('Subject: Grüße\r\n\r\n\u00e4\u00ff\r\n', 'latin1');
  const date = new Date('2026-03-09T08:07:06Z');
  const appended = await client.append('INBOX', raw, ['\\Seen', 'Later'], date);
  expect(appended).toMatchObject({ uid: 1 });
  await client.mailboxOpen('INBOX');
  const query = { source: true, flags: true, internalDate: true, size: true };
  const message = await client.fetchOne('1', query, { uid: true });
  if (!message) throw new Error('the message is missing');
  expect(message.source?.equals(raw)).toBe(true);
  expect(message.flags).toEqual(new Set(['\\Seen', 'Later']));
  expect(message.internalDate).toEqual(date);
  expect(message.size).toBe(raw.length);
});

test('IDLE tells of new mail, flags and expunges as they happen', async () => {
  fill(3);
  const client = await connect();
  await client.mailboxOpen('INBOX');
  const seen: string[] = [];
  client.on('exists', ({ count }) => seen.push(`exists ${count}`));
  client.on('expunge', ({ seq }) => seen.push(`expunge ${seq}`));
  client.on('flags', ({ seq, flags }) => seen.push(`flags ${seq} ${[...(flags ?? [])].join()}`));
  const idling = client.idle();
  await waitFor(() => server.commands.includes('IDLE'));
  const mail = server.account(user);
  mail.append('INBOX', 'Subject: new\r\n\r\n');
  mail.setFlags('INBOX', [2], ['\\Flagged'], 'add');
  mail.expunge('INBOX', [1, 3]);
  await waitFor(() => seen.length === 4);
  expect(seen).toEqual(['exists 4', 'flags 2 \\Flagged', 'expunge 3', 'expunge 1']);
  await client.noop();
  await idling;
});

test('a fetch with CHANGEDSINCE returns what changed and nothing else', async () => {
  const uids = fill(5);
  const client = await connect();
  const { highestModseq } = await client.mailboxOpen('INBOX');
  server.account(user).setFlags('INBOX', [uids[3]!], ['\\Seen']);
  const options = { uid: true, changedSince: highestModseq ?? 0n };
  const changed = await client.fetchAll('1:*', { flags: true, uid: true }, options);
  expect(changed.map(({ uid, flags }) => [uid, [...(flags ?? [])]])).toEqual([[4, ['\\Seen']]]);
  expect(changed[0]!.modseq).toBe(highestModseq! + 1n);
});

test('searches answer in both forms', async () => {
  const mail = server.account(user);
  fill(4);
  mail.append('INBOX', 'Subject: old\r\n\r\n', { date: new Date('2020-05-05T00:00:00Z') });
  mail.setFlags('INBOX', [2], ['\\Seen']);
  mail.expunge('INBOX', [3]);
  const client = await connect();
  await client.mailboxOpen('INBOX');
  expect(await client.search({ seen: false }, { uid: true })).toEqual([1, 4, 5]);
  expect(await client.search({ before: new Date('2021-01-01') }, { uid: true })).toEqual([5]);
  expect(await client.search({ seq: '2:3' }, { uid: true })).toEqual([2, 4]);
  expect(await client.search({ or: [{ subject: 'OLD' }, { uid: '1' }] })).toEqual([1, 4]);
  const returnOptions = ['ALL', 'COUNT', 'MIN', 'MAX'] as ('ALL' | 'COUNT' | 'MIN' | 'MAX')[];
  const found = await client.search({ uid: '1:*' }, { uid: true, returnOptions });
  expect(found).toMatchObject({ all: '1:2,4:5', count: 4, min: 1, max: 5 });
});

test('a move tells the new UIDs and shifts the sequence numbers', async () => {
  fill(4);
  const client = await connect();
  await client.mailboxCreate('Archive');
  await client.mailboxOpen('INBOX');
  const moved = await client.messageMove('2:3', 'Archive', { uid: true });
  if (!moved) throw new Error('the move was refused');
  expect(moved.uidMap).toEqual(
    new Map([
      [2, 1],
      [3, 2],
    ]),
  );
  const rest = await client.fetchAll('1:*', { uid: true });
  expect(rest.map(({ seq, uid }) => [seq, uid])).toEqual([
    [1, 1],
    [2, 4],
  ]);
  const copied = await client.messageCopy('4', 'Archive', { uid: true });
  expect(copied && copied.uidMap).toEqual(new Map([[4, 3]]));
  expect(server.account(user).folder('Archive').messages).toHaveLength(3);
});

test('an expunge removes what is marked, and only among the named UIDs', async () => {
  fill(3);
  server.account(user).setFlags('INBOX', [1], ['\\Deleted']);
  const client = await connect();
  await client.mailboxOpen('INBOX');
  await client.messageDelete('2', { uid: true });
  expect(
    server
      .account(user)
      .folder('INBOX')
      .messages.map(({ uid }) => uid),
  ).toEqual([1, 3]);
});

test('the structure, the parts and the envelope of a multipart are told', async () => {
  const raw = [
    'From: "Doe, Jane" <jane@example.com>',
    'To: a@example.org, =?utf-8?q?B=C3=BC?= <b@example.org>',
    'Message-ID: <1@example.com>',
    'Content-Type: multipart/mixed; boundary="o"',
    '',
    '--o',
    'Content-Type: multipart/alternative; boundary=i',
    '',
    '--i',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'plain',
    '--i',
    'Content-Type: text/html',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    '<p>html</p>',
    '--i--',
    '--o',
    'Content-Type: message/rfc822',
    '',
    'Subject: inner',
    '',
    'inside',
    '--o',
    'Content-Type: application/pdf; name="x.pdf"',
    'Content-Disposition: attachment; filename="x.pdf"',
    '',
    '%PDF',
    '--o--',
    '',
  ].join('\r\n');
  server.account(user).append('INBOX', raw);
  const client = await connect();
  await client.mailboxOpen('INBOX');
  const message = await client.fetchOne('1', {
    ...{ envelope: true, bodyStructure: true },
    bodyParts: ['1.1', '1.2', { key: '2', start: 9, maxLength: 5 }, '1.2.mime', '2.text', 'header'],
  });
  if (!message) throw new Error('the message is missing');
  const nodes = message.bodyStructure?.childNodes ?? [];
  expect(nodes.map(({ type }) => type)).toEqual([
    'multipart/alternative',
    'message/rfc822',
    'application/pdf',
  ]);
  expect(nodes[2]!.dispositionParameters).toEqual({ filename: 'x.pdf' });
  expect(message.envelope?.from).toEqual([{ name: 'Doe, Jane', address: 'jane@example.com' }]);
  expect(message.envelope?.to?.map(({ name }) => name)).toEqual(['', 'Bü']);
  const part = (key: string) => message.bodyParts?.get(key)?.toString();
  expect([part('1.1'), part('1.2'), part('2.text')]).toEqual(['plain', '<p>html</p>', 'inside']);
  expect(part('2')).toBe('inner');
  expect(part('1.2.mime')).toContain('quoted-printable');
});

test('a hook may cut the connection or answer in the place of the server', async () => {
  await server.close();
  server = await createImapEmulator({
    users: { [user]: 'a "pass" \\ wörd' },
    onCommand: (command) => {
      if (command.startsWith('STATUS')) return { reply: 'NO [UNAVAILABLE] later' };
      return command === 'NOOP' ? 'disconnect' : 'continue';
    },
  });
  const client = await connect();
  const gone = new Promise((resolve) => client.once('close', resolve));
  expect(await client.status('INBOX', { messages: true })).toBe(false);
  await Promise.allSettled([client.noop(), gone]);
  expect(client.usable).toBe(false);
  expect(server.commands).toContain('NOOP');
});

test('a folder that is renumbered says so, and old numbers name nothing in open sessions', async () => {
  const uids = fill(3);
  const mail = server.account(user);
  mail.expunge('INBOX', [1]);
  const client = await connect();
  const before = await client.mailboxOpen('INBOX');
  mail.renumber('INBOX');
  expect(await client.messageFlagsAdd(uids.slice(1), ['\\Flagged'], { uid: true })).toBe(true);
  expect(mail.folder('INBOX').messages.map(({ uid, flags }) => [uid, flags.size])).toEqual([
    [1, 0],
    [2, 0],
  ]);
  await client.mailboxClose();
  const after = await client.mailboxOpen('INBOX');
  expect(after.exists).toBe(2);
  expect(after.uidValidity).not.toBe(before.uidValidity);
});

test('a hook may keep a client waiting', async () => {
  await server.close();
  const { promise, resolve } = Promise.withResolvers<'continue'>();
  server = await createImapEmulator({
    users: { [user]: 'a "pass" \\ wörd' },
    onCommand: (command) => (command === 'NOOP' ? promise : 'continue'),
  });
  const client = await connect();
  const done = client.noop().then(() => 'done');
  await waitFor(() => server.commands.includes('NOOP'));
  expect(await Promise.race([done, Promise.resolve('waiting')])).toBe('waiting');
  resolve('continue');
  expect(await done).toBe('done');
});
