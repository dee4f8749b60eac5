import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ProviderFailure } from '../../domain/failure.ts';
import { noFlagsChange } from '../../domain/intent.ts';
import { mailFlags } from '../../domain/mail.ts';
import type { MailWriter } from '../../domain/mail-writer.ts';
import { gmailCapabilities } from '../emulators/imap/gmail.ts';
import type { Mailboxes } from '../emulators/imap/mailboxes.ts';
import { createImapEmulator, type ImapEmulator } from '../emulators/imap/server.ts';
import { askMailbox, type AskedIntent } from '../support/asking-mailbox.ts';
import { overridingWriter } from '../support/overriding-writer.ts';
import { openSlicedMailbox, type SlicedMailbox } from '../support/sliced-mailbox.ts';

const user = 'jane@example.com';
const allMail = '[Gmail]/All Mail';
const trash = '[Gmail]/Trash';
const spam = '[Gmail]/Spam';
/** Everything that a name can hold and that a command has to write in a way of its own. */
const oddLabel = 'Kunden/Müller & Söhne "GmbH" (neu) % * \\ {3}';

let emulator: ImapEmulator;
let account: Mailboxes;
let mailbox: SlicedMailbox;

beforeEach(async () => {
  emulator = await createImapEmulator({
    users: { [user]: 'secret' },
    capabilities: gmailCapabilities,
  });
  account = emulator.account(user);
  account.create('Work');
  append('INBOX', 'one');
  append('INBOX', 'two');
  mailbox = await openSlicedMailbox({ port: emulator.port, user, password: 'secret' });
  await mailbox.importAll();
  emulator.commands.length = 0;
});

afterEach(async () => {
  if (emulator.faults.length > 0) throw new Error(`bad commands: ${emulator.faults.join()}`);
  await mailbox[Symbol.asyncDispose]();
  await emulator.close();
});

function append(folder: string, subject: string): void {
  account.append(folder, `Subject: ${subject}\r\nMessage-ID: <${subject}@x>\r\n\r\n${subject}\r\n`);
}

/** What the host has in one of the folders that hold every message. */
const onHost = (folder: string) =>
  account
    .folder(folder)
    .messages.map(({ uid, labels, flags }) => [uid, [...labels].toSorted(), [...flags].toSorted()]);

const labelsOf = async (uid: number, folder = allMail) =>
  (await mailbox.places()).find((place) => place.folder === folder && place.uid === uid)?.labels;

const idOf = async (uid: number, folder = allMail) =>
  (await mailbox.places()).find((place) => place.folder === folder && place.uid === uid)!.id;

const placesOf = async (id: string) =>
  (await mailbox.places()).filter((place) => place.id === id).map(({ folder }) => folder);

const folderId = (ref: string) => mailbox.vault.index('folder', mailbox.licence.connectionId, ref);

const changing = () =>
  emulator.commands.filter((command) => /^(UID (STORE|MOVE|COPY|EXPUNGE)|CREATE)/.test(command));

async function stateOf(id: string): Promise<unknown> {
  const [row] = await mailbox.read(sql`select state, reason from intents where id = ${id}`);
  return row;
}

const done = { state: 'done', reason: null };

/** Carries out what is asked, until nothing is left open. */
async function carryOut(...asked: AskedIntent[]): Promise<unknown[]> {
  const ids: string[] = [];
  for (const intent of asked) ids.push(await askMailbox(mailbox, intent));
  await settle();
  return await Promise.all(ids.map(stateOf));
}

async function settle(): Promise<void> {
  for (let slices = 0; slices < 5; slices += 1) {
    const { outcome } = await mailbox.live();
    if (outcome === 'done') return;
    if (outcome !== 'more') throw new Error(`a slice ended as ${outcome}`);
  }
  throw new Error('the mailbox does not settle');
}

const words = (messageId: string, addKeywords: string[], removeKeywords: string[] = []) => ({
  ...{ kind: 'flags' as const, messageId },
  content: { addKeywords, removeKeywords },
});

describe('writing to a Gmail host', () => {
  test('labels are given and taken, whatever their names hold, and stored as the host shows them', async () => {
    const messageId = await idOf(1);
    expect(await carryOut(words(messageId, [oddLabel, 'Work', '$Forwarded']))).toEqual([done]);
    const all = [oddLabel, 'Work', '\\Inbox'].toSorted();
    expect(onHost(allMail)[0]).toEqual([1, all, ['$Forwarded']]);
    expect(await labelsOf(1)).toEqual(['$Forwarded', ...all].toSorted());
    expect(account.find(oddLabel)).toBeDefined();
    expect(await carryOut(words(messageId, [], [oddLabel, '$Forwarded', 'Unheard']))).toEqual([
      done,
    ]);
    expect(onHost(allMail)[0]).toEqual([1, ['Work', '\\Inbox'], []]);
    expect(await labelsOf(1)).toEqual(['Work', '\\Inbox']);
    // Nothing is left for the next look to find.
    expect(await mailbox.live({ poked: false })).toMatchObject({ outcome: 'done', updated: 0 });
  });

  test('what is so already costs no command', async () => {
    const messageId = await idOf(1);
    account.apply({ op: 'labels', folder: allMail, uids: [1], labels: ['Work'], mode: 'add' });
    expect(await carryOut(words(messageId, ['Work', '\\Inbox'], ['Elsewhere']))).toEqual([done]);
    expect(changing()).toEqual([]);
    expect(await labelsOf(1)).toEqual(['Work', '\\Inbox']);
  });

  test('many messages take one command a change', async () => {
    const ids = [await idOf(1), await idOf(2)];
    const states = await carryOut(...ids.map((id) => words(id, ['Work'], ['\\Inbox'])));
    expect(states).toEqual([done, done]);
    expect(changing()).toEqual([
      'CREATE Work',
      'UID STORE 1:2 +X-GM-LABELS ("Work")',
      'UID STORE 1:2 -X-GM-LABELS (\\Inbox)',
    ]);
    expect(account.folder('INBOX').messages).toEqual([]);
  });

  test('read and starred are flags, and labels stay beside them', async () => {
    const messageId = await idOf(2);
    const addFlags = mailFlags.seen | mailFlags.flagged;
    expect(await carryOut({ kind: 'flags', messageId, addFlags })).toEqual([done]);
    expect(onHost(allMail)[1]).toEqual([2, ['\\Inbox', '\\Starred'], ['\\Flagged', '\\Seen']]);
    expect(await labelsOf(2)).toEqual(['\\Inbox', '\\Starred']);
    expect(await carryOut(words(messageId, [], ['\\Starred']))).toEqual([done]);
    expect(onHost(allMail)[1]).toEqual([2, ['\\Inbox'], ['\\Seen']]);
  });

  test('flags are read back with the labels beside them', async () => {
    const server = { host: '127.0.0.1', port: emulator.port, security: 'none' as const };
    const imap = { ...server, username: user, password: 'secret' };
    await using session = await mailbox.deps.mail.connect({ key: 'another/1', imap });
    const collection = (await session.collections()).find(({ ref }) => ref === allMail)!;
    const change = { ...noFlagsChange, addFlags: mailFlags.seen };
    const shown = await session.write.changeFlags({ collection, uids: [1], change });
    expect(shown).toMatchObject([{ uid: 1, flags: mailFlags.seen, keywords: ['\\Inbox'] }]);
  });

  test('the host’s own labels are refused, and nothing else of the change is done', async () => {
    const messageId = await idOf(1);
    for (const label of ['\\Sent', '\\Draft', '\\Made up']) {
      const asked = { ...words(messageId, [label, 'Work']), addFlags: mailFlags.seen };
      expect(await carryOut(asked)).toEqual([
        { state: 'refused', reason: 'imap-label-not-writable' },
      ]);
    }
    expect(changing()).toEqual([]);
  });

  test('a label that the host takes and does not keep is refused', async () => {
    const forgetful = (mode: 'add' | 'remove') => () =>
      account.apply({ op: 'labels', folder: allMail, uids: [1], labels: ['Work'], mode });
    const stop = account.onChange((operation) => {
      if (operation.op === 'labels' && operation.mode === 'add') forgetful('remove')();
    });
    expect(await carryOut(words(await idOf(1), ['Work']))).toEqual([
      { state: 'refused', reason: 'imap-label-not-kept' },
    ]);
    stop();
  });

  test('moves to the trash, to spam and back keep the id', async () => {
    const messageId = await idOf(1);
    for (const target of [trash, spam, allMail]) {
      const move = { kind: 'move' as const, messageId, folderId: folderId(target) };
      expect(await carryOut(move)).toEqual([done]);
      expect(await placesOf(messageId)).toEqual([target]);
      expect(account.folder(target).messages.at(-1)!.raw().toString()).toContain('Subject: one');
    }
    expect(account.folder('INBOX').messages).toHaveLength(1);
  });

  test('a deletion goes by way of the trash, where an expunge is one', async () => {
    const [kept, gone] = [await idOf(2), await idOf(1)];
    expect(await carryOut({ kind: 'delete', messageId: gone })).toEqual([done]);
    expect([onHost(allMail).map(([uid]) => uid), onHost(trash)]).toEqual([[2], []]);
    expect(await placesOf(gone)).toEqual([]);
    expect(await placesOf(kept)).toEqual([allMail]);
  });

  test('a new folder is a new label', async () => {
    const path = ['Kunden', 'Müller & Söhne'];
    const twice = { kind: 'create-folder' as const, content: { path } };
    expect(await carryOut(twice, twice)).toEqual([done, done]);
    expect(account.find('Kunden/Müller & Söhne')).toBeDefined();
    expect(await carryOut(words(await idOf(1), ['Kunden/Müller & Söhne']))).toEqual([done]);
    expect(await labelsOf(1)).toEqual(['Kunden/Müller & Söhne', '\\Inbox']);
  });

  test('what can be changed is noted: labels, and no folders', async () => {
    expect(await mailbox.read(sql`select abilities from sync_status`)).toEqual([
      { abilities: ['flags', 'labels', 'move', 'delete'] },
    ]);
  });
});

const answerLost = () =>
  new ProviderFailure('outcome-unknown', 'The answer was lost.', { code: 'imap-connection-lost' });

describe.each([
  ['changeFlags', (id: string) => words(id, [oddLabel], ['\\Inbox'])],
  ['move', (id: string) => ({ kind: 'move', messageId: id, folderId: folderId(trash) })],
  ['move', (id: string) => ({ kind: 'delete', messageId: id })],
  ['delete', (id: string) => ({ kind: 'delete', messageId: id })],
] as [keyof MailWriter, (id: string) => AskedIntent][])(
  'the answer to %s is lost, once',
  (verb, wish) => {
    test('the intent is carried out once, and ends', async () => {
      const [id, other] = [await idOf(1), await idOf(2)];
      const intent = await askMailbox(mailbox, wish(id));
      let lost = false;
      const { mail } = mailbox.deps;
      mailbox.deps.mail = overridingWriter(mail, (write) => ({
        ...write,
        [verb]: async (...args: never[]) => {
          const answer = await (write[verb] as (...all: never[]) => Promise<unknown>)(...args);
          if (lost) return answer;
          lost = true;
          throw answerLost();
        },
      }));
      const outcomes: string[] = [];
      for (let slices = 0; slices < 3; slices += 1) outcomes.push((await mailbox.live()).outcome);
      mailbox.deps.mail = mail;
      await settle();
      expect(outcomes).toContain('failed');
      expect(await stateOf(intent)).toEqual(done);
      expect(await placesOf(other)).toEqual([allMail]);
      const kind = wish(id).kind;
      expect(await placesOf(id)).toEqual(
        { flags: [allMail], move: [trash], delete: [] }[kind as 'flags' | 'move' | 'delete'],
      );
      expect(onHost(trash)).toHaveLength(kind === 'move' ? 1 : 0);
      const first = kind === 'flags' ? [1, [oddLabel], []] : [2, ['\\Inbox'], []];
      expect(onHost(allMail)[0]).toEqual(first);
    });
  },
);
