import { afterEach, expect, test } from 'vitest';
import { withTransition } from '../../db/tenant.ts';
import type { Mailboxes } from '../emulators/imap/mailboxes.ts';
import { createImapEmulator, type ImapEmulator } from '../emulators/imap/server.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  watchMailboxes,
  type WatchedMailboxes,
  type WatchedMailboxesOptions,
} from '../support/watched-mailboxes.ts';

const user = { username: 'jane', password: 'secret' };
const users = { jane: 'secret' };
const letter = 'Subject: hello\r\n\r\nhello\r\n';

let server: ImapEmulator | undefined;
let current: WatchedMailboxes | undefined;

afterEach(async () => {
  await current?.stop();
  await server?.close();
});

/** One mailbox at a server with a folder beside the inbox, in step and watched. */
async function watchOne(options: Partial<WatchedMailboxesOptions> = {}): Promise<{
  mailbox: Mailboxes;
  watched: WatchedMailboxes;
  connection: WatchedMailboxes['connections'][number];
}> {
  server = await createImapEmulator({ users });
  const mailbox = server.account('jane');
  mailbox.create('Projects');
  const accounts = [{ port: server.port, ...user }];
  const now = await watchMailboxes({ accounts, ...options });
  current = now;
  const connection = now.connections[0]!;
  await waitFor(async () => (await now.status(connection)).watchSeenAt !== null, {
    what: 'the watch',
  });
  return { mailbox, watched: now, connection };
}

test('a change in a folder without IDLE is seen by the next sweep', async () => {
  const { mailbox, watched, connection } = await watchOne();
  expect(watched.pokes).toEqual([]);
  mailbox.append('Projects', letter);
  await waitFor(() => watched.pokesOf(connection) > 0, { what: 'the poke', timeoutMs: 2_000 });
});

test('a folder that is deleted is seen by the next sweep', async () => {
  const { mailbox, watched, connection } = await watchOne();
  mailbox.apply({ op: 'delete', folder: 'Projects' });
  await waitFor(() => watched.pokesOf(connection) > 0, { what: 'the poke', timeoutMs: 2_000 });
});

test('that the store is behind is noted although the poke fails', async () => {
  let pokes = 0;
  const poke = () => ((pokes += 1), Promise.reject(new Error('Temporal is away')));
  const { mailbox, connection, watched } = await watchOne({ deps: () => ({ poke }) });
  expect((await watched.status(connection)).behindSince).toBeNull();
  mailbox.append('INBOX', letter);
  const isNoted = async () => (await watched.status(connection)).behindSince !== null;
  await waitFor(isNoted, { what: 'the note' });
  expect(pokes).toBeGreaterThan(0);
});

test('a note waits for no poke, and whoever closes the watch waits for the poke', async () => {
  const answer = Promise.withResolvers<void>();
  let pokes = 0;
  const deps = () => ({ poke: () => ((pokes += 1), answer.promise) });
  const { mailbox, connection, watched } = await watchOne({ deps });
  mailbox.append('INBOX', letter);
  const isNoted = async () => (await watched.status(connection)).behindSince !== null;
  await waitFor(isNoted, { what: 'the note' });
  expect(pokes).toBe(1);
  let closed = false;
  const sessions = server!.openSessions;
  const closing = watched.close().then(() => (closed = true));
  await waitFor(() => server!.openSessions < sessions, { what: 'the end of the session' });
  // A round trip on: by then a watch that waits for nothing has long been closed.
  await watched.status(connection);
  expect(closed).toBe(false);
  answer.resolve();
  await closing;
});

test('the poke waits for no note', async () => {
  let pokes = 0;
  const deps = () => ({ poke: async () => void (pokes += 1) });
  const { mailbox, watched, connection } = await watchOne({ deps });
  mailbox.append('INBOX', letter);
  // Whoever holds the tenant's lock holds up every note.
  await withTransition(watched.base.app, connection.tenantId, async () => {
    await waitFor(() => pokes > 0, { what: 'the poke' });
  });
});

test('a mailbox at rest is swept without asking the store or the key', async () => {
  let vaults = 0;
  const { watched } = await watchOne({
    deps: ({ keyring }) => ({
      keyring: { ...keyring, vault: (id) => ((vaults += 1), keyring.vault(id)) },
    }),
  });
  const sweeps = () => server!.commands.filter((command) => command.startsWith('LIST')).length;
  await waitFor(() => vaults > 0, { what: 'the first comparison' });
  const [vaultsBefore, sweepsBefore] = [vaults, sweeps()];
  await waitFor(() => sweeps() > sweepsBefore + 3, { what: 'three sweeps' });
  expect(vaults).toBe(vaultsBefore);
  expect(watched.pokes).toEqual([]);
});

test('a difference that stays is told ever less often', async () => {
  const { mailbox, watched } = await watchOne({ times: { sweepMs: 30 } });
  const sweeps = () => server!.commands.filter((command) => command.startsWith('NOOP')).length;
  // Nobody looks, so the store never takes it up.
  mailbox.append('Projects', letter);
  const before = sweeps();
  await waitFor(() => sweeps() >= before + 40, { what: 'forty sweeps' });
  expect(watched.pokes.length).toBeGreaterThan(2);
  expect(watched.pokes.length).toBeLessThan(8);
});

test('a connection that is paused is watched no longer, and again when it goes on', async () => {
  let open = 0;
  const { watched, connection } = await watchOne({
    deps: ({ mail }) => ({
      mail: {
        ...mail,
        watch: async (...args) => {
          const session = await mail.watch(...args);
          open += 1;
          const close = async (): Promise<void> => {
            await session[Symbol.asyncDispose]();
            open = 0;
          };
          return { sweep: session.sweep, [Symbol.asyncDispose]: close };
        },
      },
    }),
  });
  const want = (wanted: string) =>
    watched.base.app.sql`update directory.connections set wanted = ${wanted}
      where id = ${connection.connectionId}`;
  expect(open).toBe(1);
  await want('paused');
  await waitFor(() => open === 0, { what: 'the end of the session' });
  await want('run');
  await waitFor(() => open === 1, { what: 'a new session' });
});

test('a database that is away for a moment ends no session', async () => {
  let away = false;
  const { watched, mailbox, connection } = await watchOne({
    deps: ({ database }) => ({
      database: new Proxy(database, {
        get: (target, name, receiver) => {
          if (away && name === 'db') throw new Error('the database is away');
          return Reflect.get(target, name, receiver) as unknown;
        },
      }),
    }),
  });
  const logins = () => server!.commands.filter((command) => /^(LOGIN|AUTH)/.test(command)).length;
  const before = logins();
  const sweeps = () => server!.commands.filter((command) => command.startsWith('NOOP')).length;
  const sweepsBefore = sweeps();
  away = true;
  await waitFor(() => sweeps() > sweepsBefore + 2, { what: 'sweeps meanwhile' });
  away = false;
  mailbox.append('INBOX', letter);
  await waitFor(() => watched.pokesOf(connection) > 0, { what: 'the poke' });
  expect(logins()).toBe(before);
});
