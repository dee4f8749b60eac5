import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MessageEnvelope } from '../../domain/mail.ts';
import { openJson } from '../../domain/sealed-json.ts';
import type { Mailboxes } from '../emulators/imap/mailboxes.ts';
import {
  createImapEmulator,
  defaultCapabilities,
  type ImapEmulator,
} from '../emulators/imap/server.ts';
import { gmailCapabilities } from '../emulators/imap/gmail.ts';
import { askMailbox, type AskedIntent } from '../support/asking-mailbox.ts';
import { openSlicedMailbox, type SlicedMailbox } from '../support/sliced-mailbox.ts';

const user = 'jane@example.com';
/** Sorts of text that modified UTF-7 writes otherwise, an ampersand and what looks like it. */
const oddName = 'Kunden & Söhne/日本語 🙂/&AOk-';

let emulator: ImapEmulator;
let account: Mailboxes;
let mailbox: SlicedMailbox;

afterEach(async () => {
  if (emulator.faults.length > 0) throw new Error(`bad commands: ${emulator.faults.join()}`);
  await mailbox[Symbol.asyncDispose]();
  await emulator.close();
});

async function open(capabilities: string[]): Promise<void> {
  emulator = await createImapEmulator({ users: { [user]: 'secret' }, capabilities });
  account = emulator.account(user);
  mailbox = await openSlicedMailbox({ port: emulator.port, user, password: 'secret' });
}

/** The same mailbox at a server that was set up anew. */
async function restart(capabilities: string[]): Promise<void> {
  const { port } = emulator;
  await emulator.close();
  mailbox.deps.mail.dismiss(mailbox.licence.connectionId);
  const accounts = { [user]: account };
  emulator = await createImapEmulator({
    users: { [user]: 'secret' },
    ...{ capabilities, port, accounts },
  });
}

function append(folder: string, subject: string, thread?: string): void {
  const head = `From: Zoë <zoe@exämple.org>\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@x>`;
  account.append(folder, `${head}\r\n\r\n${subject}\r\n`, { ...(thread && { thread }) });
}

async function live(): Promise<void> {
  expect(await mailbox.live({ poked: false })).toMatchObject({ outcome: 'done' });
}

const placesIn = async (folder: string) =>
  (await mailbox.places()).filter((place) => place.folder === folder);

async function idOfFolder(name: string): Promise<unknown> {
  const [place] = await placesIn(name);
  const [row] = await mailbox.read(sql`
    select folder_id from placements where message_id = ${place!.id} and hidden_at is null`);
  return row!['folder_id'];
}

async function carryOut(intent: AskedIntent): Promise<unknown> {
  const id = await askMailbox(mailbox, intent);
  await live();
  const [row] = await mailbox.read(sql`select state, reason from intents where id = ${id}`);
  return row;
}

const done = { state: 'done', reason: null };

describe('OBJECTID (RFC 8474)', () => {
  const capabilities = [...defaultCapabilities, 'OBJECTID'];

  test('MAILBOXID recognises a renamed folder of which every message is new', async () => {
    await open(capabilities);
    account.create('Before');
    append('Before', 'one');
    await mailbox.importAll();
    const before = await idOfFolder('Before');
    account.apply({ op: 'rename', folder: 'Before', to: 'After' });
    account.expunge('After', [1]);
    append('After', 'two');
    await live();
    expect(await idOfFolder('After')).toBe(before);
    // Another folder under the old name is another folder.
    account.create('Before');
    append('Before', 'three');
    await mailbox.importAll();
    expect(await idOfFolder('Before')).not.toBe(before);
    expect((await mailbox.places()).map(({ folder }) => folder)).toEqual(['After', 'Before']);
  });

  test('EMAILID tells a move from a stranger with the same headers, date, size and text', async () => {
    await open(capabilities);
    account.create('Archive');
    const twin = 'Subject: twin\r\nMessage-ID: <twin@x>\r\n\r\ntwin\r\n';
    const date = new Date('2026-11-01T10:00:00Z');
    for (let i = 0; i < 2; i += 1) account.append('INBOX', twin, { date });
    await mailbox.importAll();
    const [first, second] = await placesIn('INBOX');
    account.move('INBOX', [2], 'Archive');
    account.move('INBOX', [1], 'Archive');
    await live();
    expect((await placesIn('Archive')).map(({ id }) => id)).toEqual([second!.id, first!.id]);
  });

  test('a copy is the same message at another place', async () => {
    await open(capabilities);
    account.create('Archive');
    append('INBOX', 'one');
    await mailbox.importAll();
    account.apply({ op: 'copy', folder: 'INBOX', uids: [1], to: 'Archive', move: false });
    await live();
    const ids = (await mailbox.places()).map(({ id }) => id);
    expect(ids).toEqual([ids[0], ids[0]]);
    account.expunge('INBOX', [1]);
    await live();
    expect(await mailbox.places()).toMatchObject([{ folder: 'Archive', id: ids[0] }]);
  });

  test('THREADID names the thread', async () => {
    await open(capabilities);
    append('INBOX', 'one');
    append('INBOX', 'two', account.folder('INBOX').messages[0]!.thread);
    append('INBOX', 'three');
    await mailbox.importAll();
    const threads = (await mailbox.places()).map(({ threadId }) => threadId);
    expect(threads.map((thread) => threads.indexOf(thread))).toEqual([0, 0, 2]);
  });

  test('a server that gains it doubles nothing and changes no id', async () => {
    await open(defaultCapabilities);
    account.create('Archive');
    append('INBOX', 'one');
    append('Archive', 'two');
    await mailbox.importAll();
    const before = await mailbox.places();
    await restart(capabilities);
    account.setFlags('INBOX', [1], ['\\Seen'], 'add');
    await live();
    const after = await mailbox.places();
    expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    account.apply({ op: 'rename', folder: 'Archive', to: 'Old' });
    await live();
    expect(await placesIn('Old')).toMatchObject([{ id: before[0]!.id }]);
  });
});

describe('UTF8=ACCEPT (RFC 6855)', () => {
  const capabilities = [...defaultCapabilities, 'OBJECTID', 'UTF8=ACCEPT'];
  const without = capabilities.filter((name) => name !== 'UTF8=ACCEPT');

  /** Everything of the mailbox that a name or a header can change. */
  async function everything(): Promise<unknown[]> {
    const rows = await mailbox.read(sql`
      select m.id, p.folder_id, m.envelope from messages m
      join placements p on p.tenant_id = m.tenant_id and p.message_id = m.id
      order by m.id, p.folder_id`);
    const names = await mailbox.places();
    const envelopes = rows.map(({ id, folder_id, envelope }) => ({
      ...{ id, folder_id },
      envelope: openJson<MessageEnvelope>(
        mailbox.vault,
        { table: 'messages', column: 'envelope', rowId: id as string },
        envelope as Uint8Array,
      ),
    }));
    return [names, envelopes];
  }

  async function importOdd(): Promise<unknown[]> {
    account.create(oddName);
    append(oddName, 'Größe');
    append('INBOX', 'plain');
    await mailbox.importAll();
    return await everything();
  }

  test('names and headers arrive raw, and are the same as without', async () => {
    await open(without);
    const before = await importOdd();
    expect(emulator.commands).toContain('EXAMINE "Kunden &- S&APY-hne/&ZeVnLIqe- &2D3eQg-/&-AOk-"');
    expect(JSON.stringify(before)).toContain('Größe');
    await restart(capabilities);
    append(oddName, 'neu');
    await live();
    expect((await placesIn(oddName)).map(({ uid }) => uid)).toEqual([1, 2]);
    const latin1 = Buffer.from(oddName, 'utf8').toString('latin1');
    expect(emulator.commands).toContain(`EXAMINE "${latin1}"`);
    account.expunge(oddName, [2]);
    await live();
    expect((await everything())[0]).toEqual(before[0]);
  });

  test('what was stored raw is the same when the server no longer offers it', async () => {
    await open(capabilities);
    const before = await importOdd();
    await restart(without);
    await live();
    expect(await everything()).toEqual(before);
  });

  test('changes are written raw: folders, moves, renamings', async () => {
    await open(capabilities);
    await importOdd();
    expect(emulator.commands).toContainEqual(expect.stringMatching(/^ENABLE .*UTF8=ACCEPT/));
    const path = ['Größen & mehr', '日本'];
    expect(await carryOut({ kind: 'create-folder', content: { path } })).toEqual(done);
    expect(account.find('Größen & mehr/日本')).toBeDefined();
    const messageId = (await placesIn('INBOX'))[0]!.id;
    const [target] = await mailbox.read(sql`
      select folder_id from intents where kind = 'create-folder'`);
    const folderId = target!['folder_id'] as string;
    expect(await carryOut({ kind: 'move', messageId, folderId })).toEqual(done);
    expect(await placesIn('Größen & mehr/日本')).toMatchObject([{ id: messageId }]);
    const renamed = { kind: 'rename-folder' as const, folderId, content: { path: ['&AOk- é'] } };
    expect(await carryOut(renamed)).toEqual(done);
    expect(account.find('&AOk- é')?.messages).toHaveLength(1);
    expect(await placesIn('&AOk- é')).toMatchObject([{ id: messageId }]);
  });

  test('labels of a Gmail host are read and written raw', async () => {
    await open([...gmailCapabilities, 'UTF8=ACCEPT']);
    append('INBOX', 'one');
    await mailbox.importAll();
    const messageId = (await placesIn('[Gmail]/All Mail'))[0]!.id;
    const content = { addKeywords: [oddName] };
    expect(await carryOut({ kind: 'flags', messageId, content })).toEqual(done);
    const [place] = await placesIn('[Gmail]/All Mail');
    expect(place!.labels).toEqual([oddName, '\\Inbox']);
    expect([...account.folder('[Gmail]/All Mail').messages[0]!.labels]).toContain(oddName);
  });
});

describe.each([
  ['offers them', defaultCapabilities],
  ['has none of them', ['IMAP4rev1']],
])('a server that %s', (_, capabilities) => {
  const offered = capabilities.length > 1;
  const sent = (pattern: RegExp) => emulator.commands.some((command) => pattern.test(command));

  beforeEach(async () => {
    await open(capabilities);
    account.create('Sent Mail', '\\Sent');
    account.create('Papierkorb', '\\Trash');
    append('INBOX', 'one');
    append('Sent Mail', 'two');
    await mailbox.importAll();
  });

  test('is spoken to with them, or without, to the same end', async () => {
    expect((await mailbox.places()).map(({ folder, uid }) => [folder, uid])).toEqual([
      ['INBOX', 1],
      ['Sent Mail', 1],
    ]);
    expect({
      id: sent(/^ID \(.*"name" "Steward"/),
      namespace: sent(/^NAMESPACE$/),
      listStatus: sent(/^LIST .*RETURN .*STATUS \(/),
      status: sent(/^STATUS /),
      esearch: sent(/^UID SEARCH RETURN /),
      search: sent(/^UID SEARCH (?!RETURN)/),
      condstore: sent(/^ENABLE .*CONDSTORE/),
    }).toEqual({
      ...{ id: offered, namespace: offered, listStatus: offered, status: !offered },
      ...{ esearch: offered, search: !offered, condstore: offered },
    });
  });

  test('has roles by its own word, or by well-known names', async () => {
    const roles = await mailbox.read(
      sql`select role from folders where role is not null order by 1`,
    );
    const known = roles.map(({ role }) => role);
    // A name that is known in another language counts as well.
    expect(known).toEqual(['inbox', 'sent', 'trash']);
  });
});
