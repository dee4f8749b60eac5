import { describe, expect, test } from 'vitest';
import { createHostileServer, type HostileCall } from '../../emulators/imap-hostile/server.ts';
import { waitFor } from '../../support/wait-for.ts';
import { accountAt, localProvider, scriptServer } from './support.ts';

test('sessions are reused, and never shared', async () => {
  await using server = await scriptServer(() => undefined);
  const provider = localProvider();
  const account = accountAt(server);
  for (let i = 0; i < 3; i += 1) {
    await using session = await provider.connect(account);
    await session.collections();
  }
  expect(server.connections()).toBe(1);
  await using first = await provider.connect(account);
  await using second = await provider.connect(account);
  expect(server.connections()).toBe(2);
  expect(first).not.toBe(second);
  await provider.close();
});

test('a third session of an account waits its turn, another account does not', async () => {
  await using server = await scriptServer(() => undefined);
  const provider = localProvider();
  const account = accountAt(server);
  const first = await provider.connect(account);
  await using second = await provider.connect(account);
  let third: unknown;
  const waiting = provider.connect(account).then((session) => (third = session));
  await using other = await provider.connect({ ...account, key: 'another' });
  expect([second, other]).not.toContain(undefined);
  expect(third).toBeUndefined();
  await first[Symbol.asyncDispose]();
  await (await waiting)[Symbol.asyncDispose]();
  expect(server.connections()).toBe(3);
  await provider.close();
});

test('a caller may give up its place in the queue', async () => {
  await using server = await scriptServer(() => undefined);
  const provider = localProvider({ sessionsPerAccount: 1 });
  const account = accountAt(server);
  const first = await provider.connect(account);
  const giveUp = new AbortController();
  const waiting = provider.connect(account, giveUp.signal);
  giveUp.abort(new Error('enough'));
  await expect(waiting).rejects.toMatchObject({ code: 'imap-too-slow' });
  await first[Symbol.asyncDispose]();
  await using again = await provider.connect(account);
  await expect(again.collections()).resolves.toHaveLength(1);
  await provider.close();
});

test('a refused login frees its place', async () => {
  let refusals = 2;
  await using server = await scriptServer((tag, command) =>
    command.startsWith('LOGIN') && refusals-- > 0 ? `${tag} NO no\r\n` : undefined,
  );
  const provider = localProvider({ sessionsPerAccount: 1 });
  const account = accountAt(server);
  await expect(provider.connect(account)).rejects.toMatchObject({ kind: 'auth-revoked' });
  await expect(provider.connect(account)).rejects.toMatchObject({ kind: 'auth-revoked' });
  await using session = await provider.connect(account);
  await expect(session.collections()).resolves.toHaveLength(1);
  await provider.close();
});

test('idle sessions are closed, and a silent one is asked before it is used', async () => {
  let loggedOut = 0;
  await using server = await scriptServer((tag, command) =>
    command === 'NOOP' && loggedOut++ === 0 ? `${tag} BYE gone\r\n` : undefined,
  );
  const provider = localProvider({ livenessAfterMs: 0, poolIdleMs: 100 });
  const account = accountAt(server);
  await (await provider.connect(account))[Symbol.asyncDispose]();
  // The first session answers the NOOP with its end, so a second connection is opened.
  await (await provider.connect(account))[Symbol.asyncDispose]();
  expect(server.connections()).toBe(2);
  await waitFor(() => server.open() === 0, { what: 'the idle session to be closed' });
  await provider.close();
});

describe('an idle session that answers its NOOP with words, and never ends', () => {
  const limits = { sessionsPerAccount: 1, livenessAfterMs: 0, socketTimeoutMs: 1_000 };
  /** Well before the socket's time-out, so that silence never lasts as long as that. */
  const drip = async ({ command, wire }: HostileCall) => {
    if (command !== 'NOOP') return undefined;
    while (wire.open()) await wire.drip('* OK still here\r\n', 50);
    return null;
  };

  test('is replaced when its time is over', async () => {
    await using server = await createHostileServer({ answer: drip });
    const provider = localProvider({ ...limits, livenessTimeoutMs: 1_500 });
    await (await provider.connect(accountAt(server)))[Symbol.asyncDispose]();
    const startedAt = performance.now();
    await using session = await provider.connect(accountAt(server));
    expect(performance.now() - startedAt).toBeGreaterThan(limits.socketTimeoutMs);
    expect(server.connections()).toBe(2);
    expect(await session.collections()).toHaveLength(1);
    await provider.close();
  });

  test('is closed when the caller gives up, and its place is free', async () => {
    await using server = await createHostileServer({ answer: drip });
    const provider = localProvider(limits);
    await (await provider.connect(accountAt(server)))[Symbol.asyncDispose]();
    const waiting = provider.connect(accountAt(server), AbortSignal.timeout(200));
    await expect(waiting).rejects.toMatchObject({ code: 'imap-too-slow' });
    await (await provider.connect(accountAt(server)))[Symbol.asyncDispose]();
    expect(server.connections()).toBe(2);
    await provider.close();
  });
});

test('a session that is given back in mid-read is not used again', async () => {
  await using server = await scriptServer(() => undefined);
  const provider = localProvider();
  const session = await provider.connect(accountAt(server));
  const [collection] = await session.collections();
  const bounds = { itemsMax: 1, bytesMax: 1_000 };
  const request = { collection: collection!, cursor: null, since: undefined, bounds };
  await session.history(request)[Symbol.asyncIterator]().next();
  await session[Symbol.asyncDispose]();
  await (await provider.connect(accountAt(server)))[Symbol.asyncDispose]();
  expect(server.connections()).toBe(2);
  await provider.close();
});
