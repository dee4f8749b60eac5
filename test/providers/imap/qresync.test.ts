import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Cursor, KnownItems, MailSession } from '../../../domain/provider.ts';
import { startDovecot } from '../../support/dovecot.ts';
import {
  accountAt,
  appendMany,
  dovecotAccount,
  knownItems,
  localProvider,
  readChanges,
  scriptServer,
  uidsOf,
  type ScriptedServer,
} from './support.ts';

/** A store that must not be asked. */
const untouchable: KnownItems = {
  count: () => Promise.reject(new Error('the store was counted')),
  flags: () => Promise.reject(new Error('the store was listed')),
  labelsOf: () => '',
};

test('vanished messages and flags arrive without any listing', async () => {
  const dovecot = await startDovecot({ rawLog: true });
  const provider = localProvider();
  const admin = await dovecot.imap();
  await appendMany(admin, 'INBOX', 30);
  const session = await provider.connect(dovecotAccount(dovecot));
  const [first] = await readChanges(session, 'INBOX', { cursor: null });
  await admin.mailboxOpen('INBOX');
  await admin.messageDelete('2:9,21', { uid: true });
  await admin.messageFlagsAdd('30', ['\\Seen', 'later'], { uid: true });
  await appendMany(admin, 'INBOX', 2);
  await admin.logout();
  const pages = await readChanges(session, 'INBOX', {
    cursor: first!.cursor,
    // What lies beyond the position is asked for, and nothing below it.
    known: {
      ...untouchable,
      flags: async (after, limit) => (after >= 30 ? [] : await untouchable.flags(after, limit)),
    },
  });
  expect(uidsOf(pages)).toEqual([31, 32]);
  expect(pages.flatMap((page) => page.vanished)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 21]);
  expect(pages.some((page) => page.inferred)).toBe(false);
  expect(pages.flatMap((page) => page.flagChanges)).toMatchObject([
    { uid: 30, flags: 1, keywords: ['later'] },
  ]);
  await session[Symbol.asyncDispose]();
  await provider.close();
  const commands = dovecot.commands();
  expect(commands).toMatch(/UID FETCH 1:30 .*CHANGEDSINCE \d+ VANISHED/);
  // The new messages alone are looked for.
  expect(commands.match(/UID SEARCH .*/g)?.every((line) => /UID 31:\d+/.test(line))).toBe(true);
  await dovecot.stop();
});

describe('a server that names vanished UIDs as it likes', () => {
  const cursor: Cursor = {
    uidValidity: '7',
    uidNext: 4_294_967_290,
    modseq: '90',
    messages: 3,
    flagHint: '90',
  };
  const stored = [1, 2, 3].map((uid) => ({ uid, flags: 0 }));
  let answer: { vanished: string[]; exists: number; found: string; modseq: number };
  let server: ScriptedServer;
  let session: MailSession;

  beforeEach(async () => {
    server = await scriptServer((tag, command) => {
      const ok = `${tag} OK done\r\n`;
      if (command === 'CAPABILITY') return `* CAPABILITY IMAP4rev1 ENABLE QRESYNC\r\n${ok}`;
      if (command.startsWith('ENABLE')) return `* ENABLED QRESYNC\r\n${ok}`;
      if (command.startsWith('EXAMINE')) {
        const codes = `UIDVALIDITY 7|UIDNEXT 4294967290|HIGHESTMODSEQ ${answer.modseq}`.split('|');
        return `* ${answer.exists} EXISTS\r\n${codes.map((code) => `* OK [${code}] ok\r\n`).join('')}${ok}`;
      }
      if (command.includes('CHANGEDSINCE')) {
        return answer.vanished.map((set) => `* VANISHED ${set}\r\n`).join('') + ok;
      }
      if (command.startsWith('UID SEARCH')) return `* SEARCH ${answer.found}\r\n${ok}`;
      return undefined;
    });
    session = await localProvider().connect(accountAt(server));
  });
  afterEach(async () => {
    await session[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const read = async () => {
    const pages = await readChanges(session, 'INBOX', { cursor, known: knownItems(stored) });
    return pages.flatMap(({ vanished, inferred }) => vanished.map((uid) => [uid, inferred]));
  };

  test('everything, although some is left: a listing decides', async () => {
    answer = { vanished: ['(EARLIER) 1:4294967295'], exists: 2, found: '1 3', modseq: 91 };
    expect(await read()).toEqual([[2, false]]);
  });

  test('everything, a thousand times over', async () => {
    const vanished = Array.from({ length: 1_000 }, () => '(EARLIER) 1:4294967295');
    answer = { vanished, exists: 2, found: '1 3', modseq: 91 };
    expect(await read()).toEqual([[2, false]]);
  });

  test('one a line, without end', async () => {
    const vanished = Array.from({ length: 150_000 }, (_, i) => `(EARLIER) ${2 * i + 5}`);
    answer = { vanished, exists: 2, found: '1 3', modseq: 91 };
    await expect(read()).rejects.toMatchObject({ code: 'imap-response-too-large' });
  });

  test('of open mailboxes, sets that nobody could walk', async () => {
    const vanished = Array.from({ length: 1_000 }, () => '1:4294967295');
    answer = { vanished, exists: 3, found: '1:3', modseq: 91 };
    expect(await read()).toEqual([]);
  });

  test('less than what is gone: a listing finds the rest', async () => {
    answer = { vanished: ['(EARLIER) 1'], exists: 1, found: '3', modseq: 91 };
    expect(await read()).toEqual([
      [1, false],
      [2, true],
    ]);
  });

  test('nonsense', async () => {
    answer = { vanished: ['(EARLIER)', '', '(EARLIER) x,0,*'], exists: 3, found: '', modseq: 91 };
    expect(await read()).toEqual([]);
  });

  test('mod-sequences that begin anew void what was stored, and everything is compared', async () => {
    answer = { vanished: [], exists: 2, found: '1 3', modseq: 5 };
    const pages = await readChanges(session, 'INBOX', { cursor, known: knownItems(stored) });
    expect(pages[0]).toMatchObject({ reordered: true, more: true, cursor: { modseq: null } });
    expect(pages.flatMap((page) => page.vanished)).toEqual([2]);
    expect(server.commands.some((command) => /FETCH \d.*FLAGS/.test(command))).toBe(true);
    expect(pages.at(-1)).toMatchObject({ reordered: false, cursor: { modseq: '5' } });
  });

  test('mod-sequences that begin anew in a folder that is empty now', async () => {
    answer = { vanished: [], exists: 0, found: '', modseq: 1 };
    const pages = await readChanges(session, 'INBOX', { cursor, known: knownItems(stored) });
    expect(pages[0]).toMatchObject({ reordered: true });
    expect(pages.flatMap((page) => page.vanished)).toEqual([1, 2, 3]);
    expect(pages.at(-1)).toMatchObject({ cursor: { modseq: '1', messages: 0 } });
  });
});
