import { afterEach, describe, expect, test } from 'vitest';
import { noFlagsChange } from '../../../domain/intent.ts';
import type { MailSession, RemoteCollection } from '../../../domain/provider.ts';
import type { Mailboxes } from '../../emulators/imap/mailboxes.ts';
import {
  createImapEmulator,
  defaultCapabilities,
  type ImapEmulator,
} from '../../emulators/imap/server.ts';
import { appendNumbered, upTo } from '../../support/emulated-mailbox.ts';
import {
  accountAt,
  asked,
  findCollection,
  knownItems,
  localProvider,
  readHistory,
  scriptServer,
  uidsOf,
} from './support.ts';

const user = 'jane@example.com';
const limit = 20;
const total = 3 * limit + 5;
const bounds = { itemsMax: 400, bytesMax: 4 * 1024 * 1024 };
const all = upTo(total);
/** Every third one is gone: numbers and messages differ. */
const left = all.filter((uid) => uid % 3 !== 0);

const levels = Object.entries({
  'with every extension': defaultCapabilities,
  'without ESEARCH': defaultCapabilities.filter((name) => name !== 'ESEARCH'),
  'without MOVE': defaultCapabilities.filter((name) => name !== 'MOVE'),
  'with UIDPLUS alone': ['IMAP4rev1', 'UIDPLUS'],
});

describe.each(levels)('a server %s that limits its commands to some messages', (_how, offered) => {
  let emulator: ImapEmulator;
  let mailboxes: Mailboxes;
  let session: MailSession;
  let inbox: RemoteCollection;
  const provider = localProvider();

  async function open(uids = all): Promise<void> {
    const capabilities = [...offered, `MESSAGELIMIT=${limit}`];
    emulator = await createImapEmulator({ users: { [user]: 'secret' }, capabilities });
    mailboxes = emulator.account(user);
    mailboxes.create('Other');
    appendNumbered(mailboxes, 'INBOX', all);
    const gone = all.filter((uid) => !uids.includes(uid));
    if (gone.length > 0) mailboxes.expunge('INBOX', gone);
    session = await provider.connect(accountAt(emulator));
    inbox = await findCollection(session, 'INBOX');
  }
  afterEach(async () => {
    await session[Symbol.asyncDispose]();
    await emulator.close();
    if (emulator.faults.length > 0) throw new Error(emulator.faults.join('\n'));
  });

  const numbersIn = (folder: string): number[] =>
    mailboxes.folder(folder).messages.map(({ uid }) => uid);
  const flagsIn = (flag: string): number[] =>
    mailboxes.folder('INBOX').messages.flatMap((each) => (each.flags.has(flag) ? [each.uid] : []));

  /** Everything that a look finds. */
  async function look(uidNext: number, depth: 'quick' | 'full', modseq: string | null = null) {
    const position = { uidValidity: inbox.uidValidity!, flagHint: 'u0' };
    const cursor = { ...position, uidNext, modseq, messages: uidNext - 1 };
    const known = knownItems(upTo(uidNext - 1).map((uid) => ({ uid, flags: 0 })));
    const found = { read: [] as number[], vanished: [] as number[], changed: [] as number[] };
    for await (const page of session.changes({
      ...{ collection: inbox, cursor, known, depth, bounds },
    })) {
      found.read.push(...page.messages.map(({ uid }) => uid));
      found.vanished.push(...page.vanished);
      found.changed.push(...page.flagChanges.map(({ uid }) => uid));
    }
    const ascending = (uids: number[]): number[] => uids.toSorted((a, b) => a - b);
    return { ...found, changed: ascending(found.changed), vanished: ascending(found.vanished) };
  }

  test('is read whole, as history and as new mail', async () => {
    await open(left);
    const pages = await readHistory(session, 'INBOX');
    expect(uidsOf(pages)).toEqual(left.toReversed());
    expect(await look(1, 'quick')).toEqual({ read: left, vanished: [], changed: [] });
  });

  test('is read to a depth, and counted to it where it counts', async () => {
    await open();
    const since = new Date(Date.UTC(2026, 0, 11));
    const pages = await readHistory(session, 'INBOX', { since });
    expect(uidsOf(pages)).toEqual(all.filter((uid) => uid >= 11).toReversed());
    const counts = offered.includes('ESEARCH');
    expect(pages.at(-1)?.listed).toBe(counts ? total - 10 : undefined);
  });

  test('shows which messages have vanished and which flags changed, and no others', async () => {
    await open(left);
    const seen = left.filter((uid) => uid % 2 === 0);
    mailboxes.setFlags('INBOX', seen, ['\\Seen']);
    const gone = all.filter((uid) => uid % 3 === 0);
    expect(await look(total + 1, 'full')).toEqual({ read: [], vanished: gone, changed: seen });
  });

  test('shows every flag that changed since a mod-sequence', async () => {
    await open();
    mailboxes.setFlags('INBOX', all, ['\\Seen']);
    const modseq = offered.includes('CONDSTORE') ? '1' : null;
    const found = await look(total + 1, 'quick', modseq);
    expect(found).toEqual({ read: [], vanished: [], changed: all });
  });

  test('is compared whole', async () => {
    await open(left);
    const cursor = { uidValidity: inbox.uidValidity!, uidNext: total + 1 };
    const items = [];
    const request = { collection: inbox, cursor, afterUid: 0, since: undefined };
    for await (const page of session.listing(request)) items.push(...page.items);
    expect(items.map(({ uid, flags }) => [uid, flags?.flags])).toEqual(left.map((uid) => [uid, 0]));
    expect(await session.existing({ collection: inbox, uids: all })).toEqual(left);
  });

  test('sets flags of all messages, and shows them', async () => {
    await open(left);
    const change = { ...noFlagsChange, addFlags: 1 };
    const shown = await session.write.changeFlags({ collection: inbox, uids: all, change });
    expect(shown.map(({ uid, flags }) => [uid, flags])).toEqual(left.map((uid) => [uid, 1]));
    expect(flagsIn('\\Seen')).toEqual(left);
  });

  test('moves all messages, and says where to', async () => {
    await open(left);
    const target = await findCollection(session, 'Other');
    const copiesFrom = await session.write.copiesFrom(target);
    const request = { collection: inbox, uids: all, target, copiesFrom };
    const { moved } = await session.write.move(request);
    expect(numbersIn('INBOX')).toEqual([]);
    expect(numbersIn('Other')).toHaveLength(left.length);
    expect(moved?.map(({ uid }) => uid)).toEqual(left);
    expect(moved?.map(({ newUid }) => newUid)).toEqual(numbersIn('Other'));
  });

  test('moves all messages once more, and finds what an attempt has copied', async () => {
    await open(left);
    const target = await findCollection(session, 'Other');
    mailboxes.apply({ op: 'copy', folder: 'INBOX', uids: left, to: 'Other', move: false });
    const request = { collection: inbox, uids: all, target, copiesFrom: 1 };
    const { moved } = await session.write.move(request);
    expect(moved?.map(({ uid }) => uid)).toEqual(left);
    expect(numbersIn('INBOX')).toEqual([]);
    // Where a move is one step no attempt leaves copies, and none are looked for.
    const times = offered.includes('MOVE') ? 2 : 1;
    expect(numbersIn('Other')).toHaveLength(times * left.length);
  });

  test('deletes all messages', async () => {
    await open();
    const { gone } = await session.write.delete({ collection: inbox, uids: left });
    expect(gone).toEqual(left);
    expect(numbersIn('INBOX')).toEqual(all.filter((uid) => uid % 3 === 0));
  });
});

describe('an answer for a part of the messages', () => {
  const cursor = { uidValidity: '7', uidNext: 4, modseq: null, messages: 3, flagHint: 'u0' };
  const known = knownItems([1, 2, 3].map((uid) => ({ uid, flags: 0 })));

  async function lookAt(answer: (tag: string, command: string) => string | undefined) {
    await using server = await scriptServer(answer);
    await using session = await localProvider().connect(accountAt(server));
    const collection = await findCollection(session, 'INBOX');
    const vanished = [];
    const request = { collection, cursor, known, depth: 'full' as const, bounds };
    for await (const page of session.changes(request)) vanished.push(...page.vanished);
    return vanished;
  }

  test('is gone on from, also where no limit was announced', async () => {
    const vanished = await lookAt((tag, command) => {
      const named = asked(command);
      if (!command.startsWith('UID SEARCH') || named.length === 1) return undefined;
      const highest = named.at(-1)!;
      return `* SEARCH ${highest}\r\n${tag} OK [MESSAGELIMIT 1 ${highest}] the last one\r\n`;
    });
    expect(vanished).toEqual([]);
  });

  test.each([
    ['that does not say how far it came', '[MESSAGELIMIT 1]'],
    ['that came from beyond what was asked', '[MESSAGELIMIT 1 99]'],
    ['that came to below what was asked', '[MESSAGELIMIT 1 0]'],
  ])('%s is a failure', async (_how, code) => {
    const look = lookAt((tag, command) =>
      command.startsWith('UID SEARCH') ? `* SEARCH 3\r\n${tag} OK ${code} some\r\n` : undefined,
    );
    await expect(look).rejects.toMatchObject({ code: 'imap-answer-cut-off' });
  });

  test.each([
    ['in the last line', (tag: string) => `${tag} OK [MESSAGELIMIT 1 3] stored\r\n`],
    [
      'before it',
      (tag: string) => `* NO [MESSAGELIMIT 1 3] some\r\n${tag} OK [HIGHESTMODSEQ 9] stored\r\n`,
    ],
  ])('is no change that was made: said %s', async (_where, answer) => {
    await using server = await scriptServer((tag, command) => {
      if (command.startsWith('UID STORE')) return answer(tag);
      if (!command.startsWith('SELECT')) return undefined;
      return `* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n${tag} OK [READ-WRITE] open\r\n`;
    });
    await using session = await localProvider().connect(accountAt(server));
    const collection = await findCollection(session, 'INBOX');
    const change = { ...noFlagsChange, addFlags: 1 };
    const write = session.write.changeFlags({ collection, uids: [1, 2, 3], change });
    await expect(write).rejects.toMatchObject({ code: 'imap-answer-cut-off' });
  });
});
