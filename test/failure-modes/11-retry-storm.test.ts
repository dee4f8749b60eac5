import { expect, test } from 'vitest';
import { hostLimits } from '../../activities/watch/host-gate.ts';
import {
  createImapEmulator,
  type CommandVerdict,
  type ImapEmulator,
} from '../emulators/imap/server.ts';
import { waitFor } from '../support/wait-for.ts';
import { watchMailboxes } from '../support/watched-mailboxes.ts';

const crowd = Array.from({ length: 60 }, (_, i) => `user${i}`);
const users = Object.fromEntries(crowd.map((name) => [name, 'secret']));
const isLogin = (command: string): boolean => /^(LOGIN|AUTHENTICATE)/.test(command);

test('a server that restarts is not stormed by the sessions that it ended', async () => {
  let [inFlight, most] = [0, 0];
  const slowLogin = async (command: string): Promise<CommandVerdict> => {
    if (!isLogin(command)) return 'continue';
    inFlight += 1;
    most = Math.max(most, inFlight);
    // Until the others had their chance to come as well.
    for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve));
    inFlight -= 1;
    return 'continue';
  };
  const first = await createImapEmulator({ users, onCommand: slowLogin });
  const { port } = first;
  const accounts = crowd.map((username) => ({ port, username, password: 'secret' }));
  const watched = await watchMailboxes({ accounts, inStep: false, times: { sweepMs: 60_000 } });
  const loggedIn = ({ commands }: ImapEmulator) => commands.filter(isLogin).length;
  await waitFor(() => loggedIn(first) === crowd.length && inFlight === 0, {
    what: 'all to log in',
  });
  await first.close();
  const second = await createImapEmulator({ port, users, onCommand: slowLogin });
  await waitFor(() => loggedIn(second) >= crowd.length && inFlight === 0, {
    ...{ what: 'all to come back', timeoutMs: 30_000 },
  });
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(hostLimits.attemptsPerHostMax);
  await watched.stop();
  await second.close();
});

test('a server that counts connections is left alone for as long as it asks', async () => {
  const full = await createImapEmulator({
    users,
    onCommand: (command) =>
      isLogin(command) ? { reply: 'NO [LIMIT] Too many connections' } : 'continue',
  });
  const other = await createImapEmulator({ users });
  const refused = crowd.slice(0, 5).map((username) => ({ port: full.port, username }));
  const accounts = [...refused, { port: other.port, username: 'user9' }].map((account) => ({
    ...account,
    password: 'secret',
  }));
  const watched = await watchMailboxes({ accounts, inStep: false });
  await waitFor(() => full.commands.filter(isLogin).length === 5, { what: 'everybody’s attempt' });
  // Sweeps are a clock here: their interval is many times the back-off after an ordinary failure.
  const sweeps = () => other.commands.filter((command) => command === 'NOOP').length;
  const before = sweeps();
  await waitFor(() => sweeps() >= before + 5, { what: 'five sweeps' });
  expect(full.commands.filter(isLogin)).toHaveLength(5);
  await watched.stop();
  await Promise.all([full.close(), other.close()]);
});
