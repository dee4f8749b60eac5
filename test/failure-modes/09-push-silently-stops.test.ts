import { afterEach, expect, test } from 'vitest';
import { createImapEmulator } from '../emulators/imap/server.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { watchMailboxes, type WatchedMailboxes } from '../support/watched-mailboxes.ts';

const user = { username: 'jane', password: 'secret' };
const users = { jane: 'secret' };
const letter = 'Subject: hello\r\n\r\nhello\r\n';

let current: WatchedMailboxes | undefined;

afterEach(() => current?.stop());

test('a server that accepts IDLE and never announces anything is found out by the sweep', async () => {
  const server = await createImapEmulator({ users });
  await using proxy = await createTcpProxy(server.port, { createFilter: withoutAnnouncements });
  const now = await watchMailboxes({ accounts: [{ port: proxy.port, ...user }] });
  current = now;
  const idles = () => server.commands.filter((command) => command === 'IDLE').length;
  await waitFor(() => idles() > 0, { what: 'IDLE' });
  expect(now.pokes).toEqual([]);
  server.account('jane').append('INBOX', letter);
  await waitFor(() => now.pokes.length > 0, { what: 'the poke', timeoutMs: 3_000 });
  await server.close();
});

test('a mailbox that has lost its watch is polled as one that has none', async () => {
  const server = await createImapEmulator({ users });
  const times = { unwatchedAfterMs: 300, backoffFirstMs: 60_000, backoffMaxMs: 60_000 };
  const now = await watchMailboxes({ accounts: [{ port: server.port, ...user }], times });
  current = now;
  const connection = now.connections[0]!;
  const seen = async () => (await now.status(connection)).watchSeenAt;
  await waitFor(async () => (await seen()) !== null, { what: 'the watch' });
  // A watch that was slow to begin with has poked already.
  const before = now.pokesOf(connection);
  await server.close();
  await waitFor(async () => (await seen()) === null, { what: 'the watch to be given up' });
  await waitFor(() => now.pokesOf(connection) > before, { what: 'the poke' });
});

/** Takes EXISTS, EXPUNGE and FETCH out of what a server says during IDLE. */
function withoutAnnouncements(): (text: string) => string {
  let idling = false;
  return (text) =>
    text
      .split(/(?<=\r\n)/)
      .filter((line) => {
        if (line.startsWith('+ idling')) idling = true;
        else if (!line.startsWith('* ')) idling = false;
        return !(idling && line.startsWith('* '));
      })
      .join('');
}
