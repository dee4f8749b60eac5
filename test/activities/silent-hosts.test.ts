import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createImapEmulator, type ImapEmulator } from '../emulators/imap/server.ts';
import { openSlicedMailbox, type SlicedMailbox } from '../support/sliced-mailbox.ts';

/** Longer than what counts as silence; the servers of these tests make it pass. */
const patienceMs = 11_000;

/** Long enough for an honest server on a busy machine. */
const greetingTimeoutMs = 1_000;

let emulator: ImapEmulator;
let door: Server;
let mailbox: SlicedMailbox;

/** What the host does with whoever comes. */
let host: 'answers' | 'is silent' | 'turns away' = 'answers';
let visitors = 0;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  emulator = await createImapEmulator({ users: { jane: 'secret' } });
  door = createServer(receive);
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const { port } = door.address() as { port: number };
  const mail = createImapProvider(
    { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true },
    { greetingTimeoutMs, poolIdleMs: 1, sessionsPerAccount: 10 },
  );
  mailbox = await openSlicedMailbox({ port, user: 'jane', password: 'secret' }, { mail });
});

afterAll(async () => {
  vi.useRealTimers();
  await mailbox?.[Symbol.asyncDispose]();
  await new Promise((resolve) => door.close(resolve));
  await emulator.close();
});

it('lets one slice ask a host that was silent three times, until it answers', async () => {
  host = 'is silent';
  expect(await look(3)).toEqual({ failed: 3, came: 3 });
  expect(await look(5)).toEqual({ failed: 5, came: 1 });
  expect(await look(5)).toEqual({ failed: 5, came: 1 });
  host = 'answers';
  expect(await look(1)).toEqual({ failed: 0, came: 1 });
  expect(await look(3)).toEqual({ failed: 0, came: 3 });
});

it('forgets silences when a slice gets through between them', async () => {
  host = 'is silent';
  expect(await look(2)).toEqual({ failed: 2, came: 2 });
  host = 'answers';
  expect(await look(1)).toEqual({ failed: 0, came: 1 });
  host = 'is silent';
  expect(await look(2)).toEqual({ failed: 2, came: 2 });
  expect(await look(4)).toEqual({ failed: 4, came: 4 });
  host = 'answers';
  expect(await look(1)).toEqual({ failed: 0, came: 1 });
});

it('lets everybody ask a host that turns them away at once: it holds up nobody', async () => {
  host = 'turns away';
  expect(await look(5)).toEqual({ failed: 5, came: 5 });
  expect(await look(5)).toEqual({ failed: 5, came: 5 });
  host = 'answers';
});

/** So many slices at once: how many of them failed, and how many came to the host. */
async function look(slices: number): Promise<{ failed: number; came: number }> {
  const before = visitors;
  const reports = await Promise.all(Array.from({ length: slices }, () => mailbox.live()));
  const failures = reports.filter(({ outcome }) => outcome === 'failed');
  for (const { failure } of failures) {
    expect(failure).toEqual({ kind: 'provider-down', code: 'imap-unreachable' });
  }
  return { failed: failures.length, came: visitors - before };
}

function receive(visitor: Socket): void {
  visitors += 1;
  visitor.on('error', () => visitor.destroy());
  if (host === 'turns away') visitor.destroy();
  if (host === 'is silent') vi.setSystemTime(Date.now() + patienceMs);
  if (host !== 'answers') return;
  const inner = connect(emulator.port, '127.0.0.1');
  inner.on('error', () => visitor.destroy());
  inner.on('close', () => visitor.destroy());
  visitor.on('close', () => inner.destroy());
  visitor.pipe(inner).pipe(visitor);
}
