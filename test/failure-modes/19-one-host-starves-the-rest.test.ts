import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { hostLimits } from '../../activities/watch/host-gate.ts';
import { createImapEmulator } from '../emulators/imap/server.ts';
import { waitFor } from '../support/wait-for.ts';
import { watchMailboxes } from '../support/watched-mailboxes.ts';

/** Another loopback address, so that it is another host. */
const deadHost = '127.0.0.2';

test('the mailboxes of a host that never greets do not delay those of another', async () => {
  let asked = 0;
  const dead = createServer(() => {
    asked += 1;
  });
  await new Promise<void>((resolve) => dead.listen(0, deadHost, resolve));
  const { port: deadPort } = dead.address() as { port: number };
  const alive = await createImapEmulator({ users: { jane: 'secret', joe: 'secret' } });
  const stuck = Array.from({ length: hostLimits.attemptsMax + 10 }, (_, i) => ({
    ...{ host: deadHost, port: deadPort, username: `user${i}`, password: 'secret' },
  }));
  const well = ['jane', 'joe'].map((username) => ({
    ...{ port: alive.port, username, password: 'secret' },
  }));
  const watched = await watchMailboxes({
    accounts: [...stuck, ...well],
    inStep: false,
    limits: { greetingTimeoutMs: 5_000 },
  });
  const logins = () => alive.commands.filter((name) => /^(LOGIN|AUTH)/.test(name)).length;
  // Well before the first of the others gives up.
  await waitFor(() => logins() === well.length, { what: 'the healthy ones', timeoutMs: 4_000 });
  expect(asked).toBeLessThanOrEqual(hostLimits.attemptsPerHostMax);
  await watched.stop();
  await alive.close();
  await new Promise((resolve) => dead.close(resolve));
});
