import { expect, test } from 'vitest';
import type { HistoryPage } from '../../../domain/provider.ts';
import {
  accountAt,
  asked,
  localProvider,
  outlineRow,
  readHistory,
  scriptServer,
  textRow,
  uidsOf,
  type Answer,
} from './support.ts';

const fetchesOutlines = (command: string): boolean => command.includes('BODYSTRUCTURE');
const fetchesText = (command: string): boolean => command.includes('BODY.PEEK[1]');

async function readFrom(script: Answer): Promise<{ pages: HistoryPage[]; connections: number }> {
  await using server = await scriptServer(script);
  const provider = localProvider();
  await using session = await provider.connect(accountAt(server));
  const pages = await readHistory(session, 'INBOX');
  return { pages, connections: server.connections() };
}

function outcome(pages: HistoryPage[]): object {
  return { read: uidsOf(pages), failed: pages.flatMap(({ failures }) => failures) };
}

test('the honest answers of the script are read whole', async () => {
  const { pages } = await readFrom(() => undefined);
  expect(outcome(pages)).toEqual({ read: [3, 2, 1], failed: [] });
});

test.each([
  ['outline', fetchesOutlines],
  ['text', fetchesText],
])('a message whose %s the server refuses fails alone', async (_what, isFetch) => {
  const { pages } = await readFrom((tag, command) =>
    isFetch(command) && asked(command).includes(2) ? `${tag} NO internal error\r\n` : undefined,
  );
  const failed = [{ uid: 2, reason: 'provider-refused' }];
  expect(outcome(pages)).toEqual({ read: [3, 1], failed });
});

test.each([
  ['outline', fetchesOutlines, 'BODY[HEADER]<0>'],
  ['text', fetchesText, 'BODY[1]<0>'],
])('a literal in the %s beyond the bound costs connections, and one message', async (...row) => {
  const [, isFetch, item] = row;
  const { pages, connections } = await readFrom((_tag, command) =>
    isFetch(command) && asked(command).includes(2)
      ? `* 2 FETCH (UID 2 ${item} {999999999}\r\n`
      : undefined,
  );
  expect(outcome(pages)).toEqual({ read: [3, 1], failed: [{ uid: 2, reason: 'too-large' }] });
  // One for the page, and one more for each of the sets {3, 2, 1} and {2}.
  expect(connections).toBe(3);
});

test('a line that never ends is cut off', async () => {
  const { pages } = await readFrom((_tag, command) =>
    fetchesText(command) && asked(command).includes(1)
      ? `* 1 FETCH (UID 1 BODY[1]<0> "${'x'.repeat(25 * 1024 * 1024)}`
      : undefined,
  );
  expect(outcome(pages)).toEqual({ read: [3, 2], failed: [{ uid: 1, reason: 'too-large' }] });
});

test('an answer that cannot be parsed becomes a failure, not a gap', async () => {
  const { pages } = await readFrom((tag, command) => {
    if (!fetchesOutlines(command)) return undefined;
    const rows = asked(command).map((uid) =>
      uid === 2 ? `* 2 FETCH (UID 2 FLAGS (\\Seen "\r\n` : outlineRow(uid),
    );
    return `${rows.join('')}${tag} OK\r\n`;
  });
  const failed = [{ uid: 2, reason: 'unreadable' }];
  expect(outcome(pages)).toEqual({ read: [3, 1], failed });
});

test('a message that the server lists and never shows becomes a failure', async () => {
  const { pages } = await readFrom((tag, command) =>
    fetchesText(command)
      ? `${asked(command)
          .filter((uid) => uid !== 3)
          .map(textRow)
          .join('')}${tag} OK\r\n`
      : undefined,
  );
  const failed = [{ uid: 3, reason: 'unreadable' }];
  expect(outcome(pages)).toEqual({ read: [2, 1], failed });
});

test('rows that nobody asked for, split rows and missing flags are taken in stride', async () => {
  const { pages } = await readFrom((tag, command) => {
    if (!fetchesOutlines(command)) return undefined;
    const [, one] = /(UID 1 )/.exec(outlineRow(1)) ?? [];
    return [
      '* 9 FETCH (FLAGS (\\Deleted))\r\n',
      '* 9 FETCH (UID 77 FLAGS (\\Deleted))\r\n',
      outlineRow(1).replace(`${one}FLAGS () `, 'UID 1 '),
      outlineRow(2),
      '* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n',
      outlineRow(3),
      `${tag} OK\r\n`,
    ].join('');
  });
  expect(outcome(pages)).toEqual({ read: [3, 2, 1], failed: [] });
  expect(pages.flatMap(({ messages }) => messages.map(({ flags }) => flags))).toEqual([0, 1, 0]);
});

test('a structure nested beyond every mail is too complex', async () => {
  const part = '("text" "plain" NIL NIL NIL "7bit" 4 1)';
  const nested = `${'('.repeat(90)}${part}${' "mixed")'.repeat(90)}`;
  const { pages } = await readFrom((tag, command) =>
    fetchesOutlines(command)
      ? asked(command)
          .map((uid) =>
            outlineRow(uid).replace(/BODYSTRUCTURE \(.*?NIL\) /, `BODYSTRUCTURE ${nested} `),
          )
          .join('') + `${tag} OK\r\n`
      : undefined,
  );
  expect(outcome(pages)).toEqual({
    read: [],
    failed: [3, 2, 1].map((uid) => ({ uid, reason: 'too-complex' })),
  });
});

test('a refused SEARCH is a failure, not an empty folder', async () => {
  const read = readFrom((tag, command) =>
    command.startsWith('UID SEARCH') ? `${tag} NO not now\r\n` : undefined,
  );
  await expect(read).rejects.toMatchObject({ kind: 'provider-down', code: 'imap-refused' });
});

test('a connection that breaks in mid-fetch is a failure of the provider', async () => {
  const read = readFrom((_tag, command) =>
    fetchesText(command) ? '* BYE shutting down\r\n' : undefined,
  );
  await expect(read).rejects.toMatchObject({ kind: 'provider-down', code: 'imap-connection-lost' });
});

test.each([
  ['an opening', (command: string) => command.startsWith('EXAMINE')],
  ['the text of a page', fetchesText],
])('a server that asks for a pause at %s names its end', async (_name, isThrottled) => {
  const startedAt = Date.now();
  const read = readFrom((tag, command) =>
    isThrottled(command)
      ? `${tag} BAD Request is throttled. Suggested Backoff Time: 150 milliseconds\r\n`
      : undefined,
  );
  const failure = await read.catch((error: unknown) => error);
  expect(failure).toMatchObject({ kind: 'rate-limited', code: 'imap-throttled' });
  const retryAt = (failure as { retryAt: Date }).retryAt.getTime();
  expect(retryAt).toBeGreaterThan(startedAt);
});

test('a folder renumbered between the listing and the opening has to be listed again', async () => {
  const read = readFrom((tag, command) =>
    command.startsWith('EXAMINE')
      ? `* 3 EXISTS\r\n* OK [UIDVALIDITY 8] ok\r\n* OK [UIDNEXT 4] ok\r\n${tag} OK\r\n`
      : undefined,
  );
  await expect(read).rejects.toMatchObject({ kind: 'cursor-expired' });
});

test('a server without UIDNEXT is read to its last message', async () => {
  const { pages } = await readFrom((tag, command) => {
    if (command.startsWith('EXAMINE')) {
      return `* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n${tag} OK\r\n`;
    }
    return command.startsWith('UID FETCH *:*') ? `* 3 FETCH (UID 3)\r\n${tag} OK\r\n` : undefined;
  });
  expect(outcome(pages)).toEqual({ read: [3, 2, 1], failed: [] });
});
