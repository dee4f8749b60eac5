import { describe, expect, test } from 'vitest';
import { pageBounds } from '../../../activities/mail/bounds.ts';
import { ProviderFailure } from '../../../domain/failure.ts';
import type { Cursor, ItemFailure } from '../../../domain/provider.ts';
import { reopensPerPageMax, reopensPerSessionMax } from '../../../providers/imap/bounds.ts';
import {
  accountAt,
  findCollection,
  knownItems,
  localProvider,
  outlineRow,
  scriptServer,
  textRow,
  type ScriptedServer,
} from './support.ts';

/** A mailbox some of whose rows are more than the bounds allow. */
interface Breaching {
  total: number;
  bad: number[];
  /** What the server says of a bad message, among those that it was asked for. */
  badRow: (uid: number, asked: number[]) => string;
  /** In which item. */
  isFetch?: (command: string) => boolean;
  /** The order in which it answers. */
  order?: (uids: number[]) => number[];
}

const fetchesOutlines = (command: string): boolean => command.includes('BODYSTRUCTURE');
const fetchesText = (command: string): boolean => command.includes('BODY.PEEK[1]');

const part = '("text" "plain" NIL NIL NIL "7bit" 0 0 NIL NIL NIL NIL)';

/** What a mail of 89 kB makes an honest server answer. */
const manyParts = (uid: number): string =>
  outlineRow(uid).replace(
    /BODYSTRUCTURE \(.*?NIL\) /,
    `BODYSTRUCTURE (${part.repeat(9_900)} "mixed" ("boundary" "b") NIL NIL NIL) `,
  );

/** A literal that ends the connection when it is announced. */
const endless = (uid: number): string =>
  `* ${uid} FETCH (UID ${uid} BODY[HEADER]<0> {999999999}\r\n`;

function spread(bad: number, total: number): number[] {
  return Array.from({ length: bad }, (_, i) => 1 + Math.floor((i * total) / bad));
}

async function serve({ total, bad, badRow, ...more }: Breaching): Promise<ScriptedServer> {
  const { isFetch = fetchesOutlines, order = (uids) => uids } = more;
  const all = Array.from({ length: total }, (_, i) => i + 1);
  return await scriptServer((tag, command) => {
    const ok = `${tag} OK done\r\n`;
    if (command.startsWith('STATUS')) {
      return `* STATUS INBOX (MESSAGES ${total} UIDNEXT ${total + 1} UIDVALIDITY 7 UNSEEN 0)\r\n${ok}`;
    }
    if (command.startsWith('EXAMINE')) {
      const uidNext = `* OK [UIDNEXT ${total + 1}] ok\r\n`;
      return `* ${total} EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n${uidNext}${ok}`;
    }
    const [, set = '1:*'] = /(?:FETCH|UID) ([\d:,*]+)/.exec(command.replace(/^UID /, '')) ?? [];
    const ranges = set.split(',').map((range) => {
      const [from = 0, to = from] = range.split(':').map((n) => (n === '*' ? total : Number(n)));
      return { from, to };
    });
    const uids = all.filter((uid) => ranges.some(({ from, to }) => from <= uid && uid <= to));
    if (command.startsWith('UID SEARCH')) return `* SEARCH ${uids.join(' ')}\r\n${ok}`;
    if (!command.startsWith('UID FETCH')) return undefined;
    const honest = fetchesOutlines(command) ? outlineRow : textRow;
    const row = (uid: number): string =>
      isFetch(command) && bad.includes(uid) ? badRow(uid, uids) : honest(uid);
    return order(uids).map(row).join('') + ok;
  });
}

interface Read {
  read: number[];
  failures: ItemFailure[];
  cursor: Cursor | null;
  error: unknown;
}

const begin: Cursor = { uidValidity: '7', uidNext: 1, modseq: null, messages: 0, flagHint: 'u0' };

/** One session's work: as far as it comes. */
async function readOnce(
  server: ScriptedServer,
  direction: 'changes' | 'history',
  from: Cursor | null,
): Promise<Read> {
  const provider = localProvider();
  const done: Read = { read: [], failures: [], cursor: from, error: undefined };
  try {
    await using session = await provider.connect(accountAt(server));
    const collection = await findCollection(session, 'INBOX');
    const request = { collection, cursor: from, bounds: pageBounds };
    const pages =
      direction === 'changes'
        ? session.changes({ ...request, known: knownItems([]), depth: 'quick' })
        : session.history({ ...request, since: undefined });
    for await (const page of pages) {
      done.read.push(...page.messages.map(({ uid }) => uid));
      done.failures.push(...page.failures);
      done.cursor = page.cursor;
    }
  } catch (error) {
    done.error = error;
  }
  await provider.close();
  return done;
}

const ascending = (uids: number[]): number[] => uids.toSorted((a, b) => a - b);

function expectAllBeside({ total, bad }: Breaching, { read, failures, error }: Read): void {
  expect(error).toBeUndefined();
  const honest = Array.from({ length: total }, (_, i) => i + 1).filter((uid) => !bad.includes(uid));
  expect(ascending(read)).toEqual(honest);
  const failed = failures.toSorted((a, b) => a.uid - b.uid);
  expect(failed).toEqual(bad.map((uid) => ({ uid, reason: 'too-large' })));
}

const mixtures: [number, number, string, (uid: number) => string, number][] = [
  [16, 17, 'structures of ten thousand parts', manyParts, 1],
  [5, 100, 'structures of ten thousand parts', manyParts, 1],
  // Together they are more than an answer may weigh.
  [40, 400, 'structures of ten thousand parts', manyParts, 2],
  // One each, one that shows them to be there, and one for a page whose connections are used up.
  [16, 17, 'rows that end the connection', endless, 1 + 16 + 1],
  [5, 100, 'rows that end the connection', endless, 1 + 5 + 1],
  [40, 400, 'rows that end the connection', endless, 1 + 40 + 2],
];

describe.each(['changes', 'history'] as const)('of the %s', (direction) => {
  test.each(mixtures)('%i in %i %s fail alone', async (bad, total, _what, badRow, logins) => {
    const mailbox = { total, bad: spread(bad, total), badRow };
    await using server = await serve(mailbox);
    const from = direction === 'changes' ? begin : null;
    expectAllBeside(mailbox, await readOnce(server, direction, from));
    expect(server.connections()).toBeLessThanOrEqual(logins);
  });
});

test('texts that end the connection fail alone', async () => {
  const mailbox = { total: 100, bad: spread(5, 100), badRow: endless, isFetch: fetchesText };
  await using server = await serve(mailbox);
  expectAllBeside(mailbox, await readOnce(server, 'changes', begin));
  expect(server.connections()).toBeLessThanOrEqual(1 + 5 + 1);
});

test.each([
  ['backwards', (uids: number[]) => uids.toReversed()],
  ['in no order', (uids: number[]) => uids.toSorted((a, b) => ((a * 37) % 101) - ((b * 37) % 101))],
])('nobody else is blamed where the server answers %s', async (_name, order) => {
  const mailbox = { total: 100, bad: [30, 31, 72], badRow: endless, order };
  await using server = await serve(mailbox);
  expectAllBeside(mailbox, await readOnce(server, 'changes', begin));
  expect(server.connections()).toBeLessThanOrEqual(reopensPerPageMax);
});

test('a message that comes in two rows is not taken for whole when the second one is lost', async () => {
  const [first, second] = [outlineRow(2).replace(/BODYSTRUCTURE \(.*?NIL\) /, ''), outlineRow(2)];
  await using server = await serve({
    ...{ total: 3, bad: [2] },
    badRow: (uid, asked) => first + (asked.length > 1 ? endless(uid) : second),
  });
  const outcome = await readOnce(server, 'changes', begin);
  expectAllBeside({ total: 3, bad: [], badRow: endless }, outcome);
});

test('a server that breaks a bound at every message costs a bounded number of logins', async () => {
  const total = 150;
  const mailbox = { total, bad: spread(total, total), badRow: endless };
  await using server = await serve(mailbox);
  const failures: ItemFailure[] = [];
  const ends: unknown[] = [];
  let cursor: Cursor | null = begin;
  for (let error: unknown = 'none yet'; error;) {
    const before = server.connections();
    const round = await readOnce(server, 'changes', cursor);
    expect(server.connections() - before).toBeLessThanOrEqual(1 + reopensPerSessionMax);
    ({ cursor, error } = round);
    ends.push(error instanceof ProviderFailure ? error.code : error);
    // Whatever it ends with, it did not end where it began.
    expect(round.failures.length).toBeGreaterThan(0);
    failures.push(...round.failures);
  }
  expect(new Set(ends)).toEqual(new Set(['imap-response-too-large', undefined]));
  expect(failures.map(({ uid }) => uid)).toEqual(mailbox.bad);
});
