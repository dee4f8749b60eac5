import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createImapEmulator, type ImapEmulator } from '../emulators/imap/server.ts';
import { openSlicedMailbox, type SlicedMailbox } from '../support/sliced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

/** Longer than what counts as silence; the clock of these tests is moved by hand. */
const patienceMs = 11_000;

let emulator: ImapEmulator;
let door: Server;
let mailbox: SlicedMailbox;

/** What the host does with whoever comes. */
let host: 'answers' | 'is silent' | 'turns away' = 'answers';
let visitors = 0;
/** Whoever waits for a greeting. */
const waiting = new Set<Socket>();

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  emulator = await createImapEmulator({ users: { jane: 'secret' } });
  door = createServer(receive);
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const { port } = door.address() as { port: number };
  const mail = createImapProvider(
    { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true },
    { poolIdleMs: 1, sessionsPerAccount: 10 },
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
  await lookInVain({ slices: 3, come: 3 });
  await lookInVain({ slices: 5, come: 1 });
  await lookInVain({ slices: 5, come: 1 });
  host = 'answers';
  expect(await look(1)).toEqual({ failed: 0, came: 1 });
  expect(await look(3)).toEqual({ failed: 0, came: 3 });
});

it('forgets silences when a slice gets through between them', async () => {
  host = 'is silent';
  await lookInVain({ slices: 2, come: 2 });
  host = 'answers';
  expect(await look(1)).toEqual({ failed: 0, came: 1 });
  host = 'is silent';
  await lookInVain({ slices: 2, come: 2 });
  await lookInVain({ slices: 4, come: 4 });
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
  const failed = await Promise.all(Array.from({ length: slices }, fails));
  return { failed: failed.filter(Boolean).length, came: visitors - before };
}

/** The same at a silent host: those who do not come fail while the others still wait. */
async function lookInVain({ slices, come }: { slices: number; come: number }): Promise<void> {
  let refused = 0;
  const looks = Array.from({ length: slices }, async () => {
    if (await fails()) refused += 1;
  });
  await waitFor(() => waiting.size === come && refused === slices - come, {
    what: `${come} to wait and the others to fail`,
  });
  vi.setSystemTime(Date.now() + patienceMs);
  for (const visitor of waiting) visitor.destroy();
  waiting.clear();
  await Promise.all(looks);
  expect(refused).toBe(slices);
}

async function fails(): Promise<boolean> {
  const { outcome, failure } = await mailbox.live();
  if (outcome === 'failed') {
    expect(failure).toEqual({ kind: 'provider-down', code: 'imap-unreachable' });
  }
  return outcome === 'failed';
}

function receive(visitor: Socket): void {
  visitors += 1;
  visitor.on('error', () => visitor.destroy());
  if (host === 'turns away') visitor.destroy();
  if (host === 'is silent') waiting.add(visitor);
  if (host !== 'answers') return;
  const inner = connect(emulator.port, '127.0.0.1');
  inner.on('error', () => visitor.destroy());
  inner.on('close', () => visitor.destroy());
  visitor.on('close', () => inner.destroy());
  visitor.pipe(inner).pipe(visitor);
}
