import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHostileServer } from '../../emulators/imap-hostile/server.ts';
import { startDovecot, type CapabilityLevel, type Dovecot } from '../../support/dovecot.ts';
import { waitFor } from '../../support/wait-for.ts';
import { accountAt, appendMany, dovecotAccount, localProvider, scriptServer } from './support.ts';

describe.each<CapabilityLevel>(['condstore', 'plain'])('a watch at a %s server', (level) => {
  const provider = localProvider();
  let dovecot: Dovecot;

  beforeAll(async () => {
    dovecot = await startDovecot({ capabilities: level });
  });
  afterAll(async () => {
    await provider.close();
    await dovecot.stop();
  });

  test('hears of new mail, flags and expunges in the inbox, also after a sweep', async () => {
    let changes = 0;
    const listener = { changed: () => (changes += 1), ended: () => undefined };
    const admin = await dovecot.imap();
    await using session = await provider.watch(dovecotAccount(dovecot), listener);
    const hears = async (what: string, act: () => Promise<unknown>): Promise<void> => {
      const before = changes;
      await act();
      await waitFor(() => changes > before, { what });
    };
    await hears('new mail', () => appendMany(admin, 'INBOX', 1));
    await session.sweep();
    await admin.mailboxOpen('INBOX');
    await hears('a flag', () => admin.messageFlagsAdd('1', ['\\Seen'], { uid: true }));
    await session.sweep();
    await hears('an expunge', () => admin.messageDelete('1', { uid: true }));
    expect(changes).toBeGreaterThanOrEqual(3);
    await admin.logout();
  });

  test('a sweep shows the same marks as the listing of a session', async () => {
    const listener = { changed: () => undefined, ended: () => undefined };
    await using watch = await provider.watch(dovecotAccount(dovecot), listener);
    const admin = await dovecot.imap();
    await appendMany(admin, 'INBOX', 2);
    await admin.logout();
    await using session = await provider.connect(dovecotAccount(dovecot));
    const listed = await session.collections();
    const expected = listed.map(({ ref, mark }) => ({ ref, mark }));
    expect(await watch.sweep()).toEqual(expected);
  });

  test('the end of the server ends the watch, once', async () => {
    let ends = 0;
    const listener = { changed: () => undefined, ended: () => (ends += 1) };
    await using session = await provider.watch(dovecotAccount(dovecot), listener);
    await dovecot.restart();
    await waitFor(() => ends === 1, { what: 'the end of the watch' });
    await expect(session.sweep()).rejects.toMatchObject({ kind: 'provider-down' });
    expect(ends).toBe(1);
  });

  test('a watch that its owner closes says nothing more', async () => {
    let ends = 0;
    const listener = { changed: () => undefined, ended: () => (ends += 1) };
    const session = await provider.watch(dovecotAccount(dovecot), listener);
    await session[Symbol.asyncDispose]();
    await using again = await provider.watch(dovecotAccount(dovecot), listener);
    await again.sweep();
    expect(ends).toBe(0);
  });
});

describe('an inbox whose opening is answered with words, and never ends', () => {
  const listener = { changed: () => undefined, ended: () => undefined };
  const openDripping = () =>
    createHostileServer({
      answer: async ({ command, wire }) => {
        if (!command.startsWith('EXAMINE')) return undefined;
        while (wire.open()) await wire.drip('* OK still here\r\n', 50);
        return null;
      },
    });

  test('is left when its time is over', async () => {
    await using server = await openDripping();
    const provider = localProvider({ openTimeoutMs: 1_500, socketTimeoutMs: 1_000 });
    const watch = provider.watch(accountAt(server), listener);
    await expect(watch).rejects.toMatchObject({ code: 'imap-connection-lost' });
    await waitFor(() => server.open() === 0, { what: 'the connection to be closed' });
  });

  test('is left when the caller gives up', async () => {
    await using server = await openDripping();
    const watch = localProvider().watch(accountAt(server), listener, AbortSignal.timeout(200));
    await expect(watch).rejects.toMatchObject({ code: 'imap-connection-lost' });
    await waitFor(() => server.open() === 0, { what: 'the connection to be closed' });
  });
});

test('an account without an inbox cannot be watched', async () => {
  await using server = await scriptServer((tag, command) =>
    command.startsWith('EXAMINE') ? `${tag} NO no such mailbox\r\n` : undefined,
  );
  const listener = { changed: () => undefined, ended: () => undefined };
  const watch = localProvider().watch(accountAt(server), listener);
  await expect(watch).rejects.toMatchObject({ code: 'imap-refused' });
});
