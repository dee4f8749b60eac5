import { afterEach, expect, test } from 'vitest';
import { minuteMs } from '../../domain/clock.ts';
import { safetyTimeMs, watchedSafetyTimeMs } from '../../domain/retry.ts';
import type { SliceReport } from '../../domain/sync.ts';
import { createImapEmulator, defaultCapabilities } from '../emulators/imap/server.ts';
import { waitFor } from '../support/wait-for.ts';
import { watchMailboxes, type WatchedMailboxes } from '../support/watched-mailboxes.ts';

let watched: WatchedMailboxes | undefined;

afterEach(() => watched?.stop());

test('a safety poll that finds what nobody announced brings the next one to five minutes', async () => {
  // Nothing is announced without IDLE, and the sweeps are far away.
  const capabilities = defaultCapabilities.filter((name) => name !== 'IDLE');
  const server = await createImapEmulator({ users: { jane: 'secret' }, capabilities });
  const account = { port: server.port, username: 'jane', password: 'secret' };
  const now = await watchMailboxes({ accounts: [account], times: { sweepMs: 60 * minuteMs } });
  watched = now;
  const connection = now.connections[0]!;
  await waitFor(async () => (await now.status(connection)).watchSeenAt !== null, {
    what: 'the watch',
  });
  const before = await now.look(connection, { poked: false });
  expect(before.surprised).toBe(false);
  expect(waitOf(before)).toBeGreaterThan(watchedSafetyTimeMs * 0.85);

  server.account('jane').append('INBOX', 'Subject: unseen\r\n\r\nhello\r\n');
  const missed = await now.look(connection, { poked: false });
  expect(missed).toMatchObject({ stored: 1, surprised: true });
  expect(waitOf(missed)).toBeLessThan(safetyTimeMs * 1.15);

  // For a day the workflow says so with each look.
  const cautious = await now.look(connection, { poked: false, cautious: true });
  expect(waitOf(cautious)).toBeLessThan(safetyTimeMs * 1.15);
  await server.close();
});

test('a change that somebody announced surprises nobody', async () => {
  const server = await createImapEmulator({ users: { jane: 'secret' } });
  const account = { port: server.port, username: 'jane', password: 'secret' };
  const now = await watchMailboxes({ accounts: [account] });
  watched = now;
  const connection = now.connections[0]!;
  await waitFor(async () => (await now.status(connection)).watchSeenAt !== null, {
    what: 'the watch',
  });
  server.account('jane').append('INBOX', 'Subject: announced\r\n\r\nhello\r\n');
  const report = await now.look(connection, { poked: true });
  expect(report).toMatchObject({ stored: 1, surprised: false });
  expect(waitOf(report)).toBeGreaterThan(watchedSafetyTimeMs * 0.85);
  await server.close();
});

function waitOf({ nextAttemptAt }: SliceReport): number {
  return Date.parse(nextAttemptAt!) - Date.now();
}
