import { expect, test } from 'vitest';
import { createImapEmulator, type CommandVerdict } from '../emulators/imap/server.ts';
import { createTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { watchMailboxes } from '../support/watched-mailboxes.ts';

const account = { username: 'jane', password: 'secret' };
const users = { jane: 'secret' };

test('a watch whose connection died in silence is opened anew', async () => {
  const server = await createImapEmulator({ users });
  await using proxy = await createTcpProxy(server.port);
  const watched = await watchMailboxes({
    accounts: [{ port: proxy.port, ...account }],
    limits: { socketTimeoutMs: 500 },
  });
  await waitFor(() => server.commands.includes('IDLE'), { what: 'IDLE' });
  const before = proxy.connections();
  proxy.goSilent();
  // A sweep, and the time that a command without an answer is given.
  await waitFor(() => proxy.connections() > before, { what: 'a new session', timeoutMs: 5_000 });
  server.account('jane').append('INBOX', 'Subject: hello\r\n\r\nhello\r\n');
  await waitFor(() => watched.pokes.length > 0, { what: 'the poke' });
  await watched.stop();
  await server.close();
});

test('a sweep that is answered a line at a time, for ever, ends all the same', async () => {
  const drips = new Set<NodeJS.Timeout>();
  const server = await createImapEmulator({
    users,
    onCommand: async (command, session): Promise<CommandVerdict> => {
      if (command !== 'NOOP') return 'continue';
      drips.add(setInterval(() => session.send('* OK still here'), 50));
      return await new Promise<never>(() => undefined);
    },
  });
  const watched = await watchMailboxes({
    accounts: [{ port: server.port, ...account }],
    limits: { socketTimeoutMs: 1_000, sweepTimeoutMs: 300 },
  });
  const logins = () => server.commands.filter((command) => /^(LOGIN|AUTH)/.test(command)).length;
  const before = logins();
  await waitFor(() => logins() > before + 1, { what: 'further sessions', timeoutMs: 8_000 });
  expect(watched.pokes.length).toBeLessThan(5);
  await watched.stop();
  for (const drip of drips) clearInterval(drip);
  await server.close();
});
