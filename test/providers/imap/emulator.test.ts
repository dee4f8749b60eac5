import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Cursor, MailSession } from '../../../domain/provider.ts';
import type { ImapProvider } from '../../../providers/imap/provider.ts';
import {
  createImapEmulator,
  type CommandVerdict,
  type ImapEmulator,
} from '../../emulators/imap/server.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  accountAt,
  knownItems,
  localProvider,
  plainMail,
  readChanges,
  readHistory,
  uidsOf,
} from './support.ts';

const user = 'jane@example.com';
let emulator: ImapEmulator;
let provider: ImapProvider;
let session: MailSession;
/** What happens to a command before the server does it; a test replaces it. */
let onCommand: (command: string) => CommandVerdict;

beforeEach(async () => {
  onCommand = () => 'continue';
  emulator = await createImapEmulator({
    users: { [user]: 'secret' },
    onCommand: (command) => onCommand(command),
  });
  for (let i = 0; i < 20; i += 1) append(`No. ${i + 1}`);
  provider = localProvider();
  session = await provider.connect(accountAt(emulator));
});

afterEach(async () => {
  await session[Symbol.asyncDispose]();
  await provider.close();
  await emulator.close();
});

function append(subject: string): void {
  emulator.account(user).append('INBOX', plainMail(subject));
}

/** Does something once, just before the first command that looks like this. */
function before(pattern: RegExp, act: () => CommandVerdict | void): void {
  let done = false;
  onCommand = (command) => {
    if (done || !pattern.test(command)) return 'continue';
    done = true;
    return act() ?? 'continue';
  };
}

const descending = (from: number, to: number): number[] =>
  Array.from({ length: from - to + 1 }, (_, i) => from - i);

test('history and changes', async () => {
  expect(uidsOf(await readHistory(session, 'INBOX'))).toEqual(descending(20, 1));
  const [start] = await readChanges(session, 'INBOX', { cursor: null });
  append('new');
  emulator.account(user).setFlags('INBOX', [3], ['\\Seen', 'work']);
  emulator.account(user).expunge('INBOX', [7]);
  const known = knownItems(descending(20, 1).map((uid) => ({ uid, flags: 0 })));
  const pages = await readChanges(session, 'INBOX', { cursor: start!.cursor, known });
  expect(uidsOf(pages)).toEqual([21]);
  expect(pages.flatMap((page) => page.flagChanges)).toMatchObject([
    { uid: 3, flags: 1, keywords: ['work'] },
  ]);
  expect(pages.flatMap((page) => page.vanished)).toEqual([7]);
});

test.each([
  ['the outlines', /BODYSTRUCTURE/],
  ['the text', /BODY\.PEEK\[1\]/],
])('messages that vanish just before %s are fetched are no fault', async (_what, pattern) => {
  before(pattern, () => emulator.account(user).expunge('INBOX', [20, 18, 1]));
  const pages = await readHistory(session, 'INBOX');
  // A server may go on showing a session what it saw when it opened the folder.
  const survivors = descending(19, 2).filter((uid) => uid !== 18);
  expect(uidsOf(pages)).toEqual(expect.arrayContaining(survivors));
  expect(pages.flatMap((page) => page.failures)).toEqual([]);
});

test('mail that arrives while changes are read belongs to the next time', async () => {
  const [start] = await readChanges(session, 'INBOX', { cursor: null });
  append('first');
  before(/^UID SEARCH/i, () => append('second'));
  const pages = await readChanges(session, 'INBOX', { cursor: start!.cursor });
  expect(uidsOf(pages)).toEqual([21]);
  const later = await readChanges(session, 'INBOX', { cursor: pages.at(-1)!.cursor });
  expect(uidsOf(later)).toEqual([22]);
});

test('each page names the failures among the messages that its cursor leaves behind', async () => {
  onCommand = (command) =>
    /^UID FETCH (\S+,)?(19|20|.*:20)\b.*BODYSTRUCTURE/.test(command)
      ? { reply: 'NO [SERVERBUG] not these' }
      : 'continue';
  const collection = (await session.collections())[0]!;
  const bounds = { itemsMax: 20, bytesMax: 1 };
  const request = { collection, cursor: null, since: undefined, bounds };
  const failed: number[] = [];
  for await (const { failures, cursor } of session.history(request)) {
    failed.push(...failures.map(({ uid }) => uid));
    expect([20, 19].filter((uid) => uid >= Number(cursor['nextUid']))).toEqual(failed);
  }
  expect(failed).toEqual([20, 19]);
});

test('a connection that is cut once is opened again, and nothing is missing', async () => {
  let fetches = 0;
  onCommand = (command) =>
    /BODYSTRUCTURE/.test(command) && (fetches += 1) === 3 ? 'disconnect' : 'continue';
  const pages = await readHistory(session, 'INBOX');
  expect(uidsOf(pages)).toEqual(descending(20, 1));
  expect(pages.flatMap((page) => page.failures)).toEqual([]);
});

test('a connection cut again and again fails the slice, the next one goes on from the cursor', async () => {
  const collection = (await session.collections())[0]!;
  const bounds = { itemsMax: 5, bytesMax: 1_000_000 };
  const read: number[] = [];
  let cursor: Cursor | null = null;
  let fetches = 0;
  onCommand = (command) =>
    /BODYSTRUCTURE/.test(command) && (fetches += 1) >= 3 ? 'disconnect' : 'continue';
  const interrupted = async (): Promise<void> => {
    for await (const page of session.history({ collection, cursor, since: undefined, bounds })) {
      read.push(...uidsOf([page]));
      cursor = page.cursor;
    }
  };
  await expect(interrupted()).rejects.toMatchObject({ code: 'imap-connection-lost' });
  expect(read).toEqual(descending(20, 11));
  await session[Symbol.asyncDispose]();
  onCommand = () => 'continue';
  session = await provider.connect(accountAt(emulator));
  await interrupted();
  expect(read).toEqual(descending(20, 1));
});

test('a watch hears of mail and of its own end', async () => {
  const heard = { changed: 0, ended: 0 };
  await using watch = await provider.watch(accountAt(emulator), {
    changed: () => (heard.changed += 1),
    ended: () => (heard.ended += 1),
  });
  await watch.sweep();
  append('new');
  await waitFor(() => heard.changed > 0, { what: 'the hint' });
  await emulator.close();
  await waitFor(() => heard.ended === 1, { what: 'the end' });
  expect(heard.ended).toBe(1);
});

test('every command is one that reading needs', async () => {
  await readHistory(session, 'INBOX');
  await readChanges(session, 'INBOX', { cursor: null });
  const verbs = emulator.commands.map((command) => command.replace(/^UID /i, '').split(' ')[0]);
  const allowed = [
    ...['CAPABILITY', 'ID', 'LOGIN', 'AUTHENTICATE', 'NAMESPACE', 'ENABLE', 'LIST', 'LSUB'],
    ...['STATUS', 'EXAMINE', 'SEARCH', 'FETCH', 'CLOSE', 'NOOP'],
  ];
  expect(verbs.filter((verb) => !allowed.includes(verb?.toUpperCase() ?? ''))).toEqual([]);
});
