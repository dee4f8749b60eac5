import { expect, test } from 'vitest';
import type { ChangePage, Cursor, HistoryPage, ItemFailure } from '../../../domain/provider.ts';
import {
  accountAt,
  findCollection,
  knownItems,
  localProvider,
  outlineRow,
  scriptServer,
  type ScriptedServer,
} from './support.ts';

const all = [1, 2, 3, 4, 5, 6];
/** A page takes two texts of a kilobyte. */
const bounds = { itemsMax: 400, bytesMax: 2_500 };
const textBytes = 1_000;

/** Six messages, of which the server refuses some, or answers them as older than a depth. */
async function serveSix(refused: number[], old: number[] = []): Promise<ScriptedServer> {
  return await scriptServer((tag, command) => {
    const ok = `${tag} OK done\r\n`;
    if (command.startsWith('STATUS')) {
      return `* STATUS INBOX (MESSAGES 6 UIDNEXT 7 UIDVALIDITY 7 UNSEEN 0)\r\n${ok}`;
    }
    if (command.startsWith('EXAMINE')) {
      return `* 6 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 7] ok\r\n${ok}`;
    }
    const uids = named(command);
    if (command.startsWith('UID SEARCH')) return `* SEARCH ${uids.join(' ')}\r\n${ok}`;
    if (!command.startsWith('UID FETCH')) return undefined;
    if (command.includes('BODY.PEEK[1]')) {
      const text = `{${textBytes}}\r\n${'t'.repeat(textBytes)}`;
      return uids.map((uid) => `* ${uid} FETCH (UID ${uid} BODY[1]<0> ${text})\r\n`).join('') + ok;
    }
    if (!command.includes('BODYSTRUCTURE')) {
      return uids.map((uid) => `* ${uid} FETCH (UID ${uid})\r\n`).join('') + ok;
    }
    if (uids.some((uid) => refused.includes(uid))) return `${tag} NO internal error\r\n`;
    const row = (uid: number): string =>
      outlineRow(uid)
        .replace('"7bit" 4 1', `"7bit" ${textBytes} 1`)
        .replace('2026', old.includes(uid) ? '2001' : '2026');
    return uids.map(row).join('') + ok;
  });
}

function named(command: string): number[] {
  const set = /(?:FETCH|UID) ([\d:,*]+)/.exec(command.replace(/^UID /, ''))?.[1] ?? '1:6';
  const parts = set.split(',').map((part) => part.split(':'));
  const numberOf = (word: string): number => (word === '*' ? 6 : Number(word));
  return all.filter((uid) =>
    parts.some(([from = '', to = from]) => uid >= numberOf(from) && uid <= numberOf(to)),
  );
}

interface Read {
  pages: (ChangePage | HistoryPage)[];
  seen: number[];
  failures: ItemFailure[];
}

/** Reads on from a cursor in slices of one page each, as a slice does that is out of time. */
async function readInSlices(
  server: ScriptedServer,
  begin: Cursor | null,
  read: 'changes' | 'history',
): Promise<Read> {
  const since = new Date('2026-01-01T00:00:00Z');
  const provider = localProvider();
  const pages: (ChangePage | HistoryPage)[] = [];
  for (let cursor = begin, more = true; more;) {
    await using session = await provider.connect(accountAt(server));
    const collection = await findCollection(session, 'INBOX');
    const known = knownItems([]);
    const stream: AsyncIterable<ChangePage | HistoryPage> =
      read === 'changes'
        ? session.changes({ collection, cursor, known, depth: 'quick', bounds })
        : session.history({ collection, cursor, since, bounds });
    for await (const page of stream) {
      pages.push(page);
      ({ cursor, more } = page);
      break;
    }
  }
  await provider.close();
  return {
    pages,
    seen: pages.flatMap(({ messages }) => messages.map(({ uid }) => uid)),
    failures: pages.flatMap(({ failures }) => failures),
  };
}

const refusedOf = (uids: number[]): ItemFailure[] =>
  uids.map((uid) => ({ uid, reason: 'provider-refused' }));

test('a refused message is told before new mail is read past it', async () => {
  await using server = await serveSix([1, 4]);
  const cursor = { uidValidity: '7', uidNext: 1, modseq: null, messages: 0, flagHint: 'u0' };
  const { pages, seen, failures } = await readInSlices(server, cursor, 'changes');
  expect(seen).toEqual([2, 3, 5, 6]);
  expect(failures).toEqual(refusedOf([1, 4]));
  // A message is counted when the position passes it, refused or not.
  const counts = pages.map((page) => [page.cursor?.['uidNext'], page.cursor?.['messages']]);
  expect(counts).toEqual([
    [4, 3],
    [7, 6],
    [7, 6],
  ]);
});

test('a refused message is told before the history is read past it', async () => {
  await using server = await serveSix([6, 3]);
  const { seen, failures } = await readInSlices(server, null, 'history');
  expect(seen).toEqual([5, 4, 2, 1]);
  expect(failures).toEqual(refusedOf([6, 3]));
});

test('a message beyond the depth is counted once, with the page that passes it', async () => {
  await using server = await serveSix([], [6, 2]);
  const { pages, seen } = await readInSlices(server, null, 'history');
  expect(seen).toEqual([5, 4, 3, 1]);
  expect(pages.map(({ cursor }) => cursor?.['outside'])).toEqual([1, 2]);
});
