import { expect, test } from 'vitest';
import { createImapEmulator } from '../emulators/imap/server.ts';
import { waitFor } from '../support/wait-for.ts';
import { watchMailboxes } from '../support/watched-mailboxes.ts';

const letter = 'Subject: hello\r\n\r\nhello\r\n';
const announcements = 300;

test('hundreds of announcements of a busy inbox become a few pokes', async () => {
  const server = await createImapEmulator({ users: { jane: 'secret' } });
  const account = { port: server.port, username: 'jane', password: 'secret' };
  let heard = 0;
  const watched = await watchMailboxes({
    accounts: [account],
    // As in production: the first gap is a quarter of a second.
    times: { pokeGapFirstMs: 250, pokeGapMaxMs: 5_000 },
    deps: ({ mail }) => ({
      mail: {
        ...mail,
        watch: (to, { changed, ended }, signal) =>
          mail.watch(to, { changed: () => ((heard += 1), changed()), ended }, signal),
      },
    }),
  });
  const connection = watched.connections[0]!;
  await waitFor(() => server.commands.includes('IDLE'), { what: 'IDLE' });
  for (let i = 0; i < announcements; i += 1) {
    const before = heard;
    server.account('jane').append('INBOX', letter);
    await waitFor(() => heard > before, { what: 'the announcement', intervalMs: 1 });
  }
  const during = watched.pokesOf(connection);
  expect(during).toBeGreaterThan(0);
  expect(during).toBeLessThan(announcements / 20);
  await waitFor(() => watched.pokesOf(connection) > during, { what: 'the poke for the last ones' });
  await watched.stop();
  await server.close();
});
