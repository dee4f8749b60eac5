import { expect, test } from 'vitest';
import { createImapEmulator } from '../emulators/imap/server.ts';
import { waitFor } from '../support/wait-for.ts';
import { watchMailboxes } from '../support/watched-mailboxes.ts';

const letter = 'Subject: hello\r\n\r\nhello\r\n';

test('thousands of announcements of a busy inbox become a few pokes', async () => {
  const server = await createImapEmulator({ users: { jane: 'secret' } });
  const account = { port: server.port, username: 'jane', password: 'secret' };
  // As in production: the first gap is a quarter of a second.
  const times = { pokeGapFirstMs: 250, pokeGapMaxMs: 5_000 };
  const watched = await watchMailboxes({ accounts: [account], times });
  const connection = watched.connections[0]!;
  await waitFor(() => server.commands.includes('IDLE'), { what: 'IDLE' });
  const mailbox = server.account('jane');
  for (let i = 0; i < 2_000; i += 1) {
    const uid = mailbox.append('INBOX', letter);
    mailbox.setFlags('INBOX', [uid], ['\\Seen']);
    // Lets the server announce this one before there is the next.
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await waitFor(() => watched.pokesOf(connection) >= 2, { what: 'the poke for the last ones' });
  expect(watched.pokesOf(connection)).toBeLessThan(10);
  await watched.stop();
  await server.close();
});
