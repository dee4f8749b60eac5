import { describe, expect, test } from 'vitest';
import { ProviderFailure } from '../../domain/failure.ts';
import type { MailSession } from '../../domain/provider.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { behaviours } from '../emulators/imap-hostile/behaviours.ts';
import { altered, fetchesText, fillInbox, letter } from '../emulators/imap-hostile/behaviour.ts';
import {
  createHostileServer,
  hostileUser,
  type HostileScript,
  type HostileServer,
} from '../emulators/imap-hostile/server.ts';

/** As in production, but for the waiting. */
const limits = {
  openTimeoutMs: 1_500,
  greetingTimeoutMs: 1_000,
  socketTimeoutMs: 1_500,
  failureLatencyMs: 0,
};

/** What may cross the wire before a bound bites: the kernel's buffers and a few connections. */
const bytesMax = 400 * 1024 * 1024;

const bounds = { itemsMax: 400, bytesMax: 4 * 1024 * 1024 };

interface Outcome {
  ends: string;
  stored: number;
  skipped: Record<string, number>;
}

const provider = createImapProvider(
  { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true },
  limits,
);

function accountAt({ port }: HostileServer) {
  const { user: username, password } = hostileUser;
  const imap = { host: '127.0.0.1', port, security: 'none' as const, username, password };
  return { key: `hostile/${port}`, imap };
}

async function readAll(server: HostileServer, signal?: AbortSignal): Promise<Outcome> {
  const outcome: Outcome = { ends: 'read', stored: 0, skipped: {} };
  try {
    await using session = await provider.connect(accountAt(server), signal);
    await readInbox(session, outcome);
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    outcome.ends = error.code ?? error.kind;
  }
  return outcome;
}

async function readInbox(session: MailSession, outcome: Outcome): Promise<void> {
  const found = await session.collections();
  const collection = found.find(({ ref }) => ref === 'INBOX');
  if (!collection) throw new Error('the listing has no inbox');
  const request = { collection, cursor: null, since: undefined, bounds };
  for await (const { messages, failures } of session.history(request)) {
    outcome.stored += messages.length;
    for (const { reason } of failures) {
      outcome.skipped[reason] = (outcome.skipped[reason] ?? 0) + 1;
    }
  }
}

describe('a server that', () => {
  test.each(behaviours)('$name', async ({ script, ends, stored = 0, skipped = {} }) => {
    await using server = await createHostileServer(script);
    expect(await readAll(server)).toEqual({ ends, stored, skipped });
    expect(server.sent()).toBeLessThan(bytesMax);
    expect(server.commands.filter((command) => /^(COMPRESS|A9 )/.test(command))).toEqual([]);
  });
});

test('an honest server behind the same proxy is read whole', async () => {
  await using server = await createHostileServer({ mailbox: fillInbox });
  expect(await readAll(server)).toEqual({ ends: 'read', stored: 6, skipped: {} });
});

test('texts that outgrow by far what was stated are read a few at a time', async () => {
  const lettersCount = 200;
  const text = 'x'.repeat(60_000);
  await using server = await createHostileServer({
    ...altered(fetchesText, (honest) =>
      honest.replace(/\{\d+\}\r\n[^)]*/g, `{${text.length}}\r\n${text}`),
    ),
    mailbox: (mailboxes) => {
      for (let i = 1; i <= lettersCount; i += 1) mailboxes.append('INBOX', letter(`No. ${i}`));
    },
  });
  expect(await readAll(server)).toEqual({ ends: 'read', stored: lettersCount, skipped: {} });
  // All at once they would have been 12 MB over one connection.
  expect(server.connections()).toBeGreaterThan(1);
});

describe('a server that sends a byte a second', () => {
  const script: HostileScript = {
    mailbox: fillInbox,
    answer: async (call) => {
      if (!fetchesText(call)) return undefined;
      await call.wire.drip(`* 1 FETCH (UID 1 BODY[1]<0> {4000}\r\n${'x'.repeat(4_000)}`, 200);
      return null;
    },
  };

  test('is left when the session’s time is over, however often it shows a sign of life', async () => {
    await using server = await createHostileServer(script);
    const startedAt = performance.now();
    const outcome = await readAll(server, AbortSignal.timeout(3_000));
    expect(outcome.ends).toBe('imap-too-slow');
    // Longer than a silence is borne, so that it was not the silence that ended it.
    expect(performance.now() - startedAt).toBeGreaterThan(limits.socketTimeoutMs);
  });

  test('hands its place in the pool on to whoever waits for it', async () => {
    await using server = await createHostileServer(script);
    const patience = AbortSignal.timeout(2_000);
    const held = [readAll(server, patience), readAll(server, patience)];
    const third = readAll(server, AbortSignal.timeout(4_000));
    expect((await Promise.all(held)).map(({ ends }) => ends)).toEqual(
      Array.from(held, () => 'imap-too-slow'),
    );
    expect((await third).ends).toBe('imap-too-slow');
    expect(server.connections()).toBe(3);
  });
});

describe('a session at rest', () => {
  test('is closed when its server goes on talking', async () => {
    let flood = false;
    let ended = false;
    await using server = await createHostileServer({
      mailbox: fillInbox,
      answer: async (call) => {
        if (!flood || !fetchesText(call)) return undefined;
        // The last thing that the session asks for.
        await call.wire.send(await call.honest());
        void call.wire.stream('* 6 EXISTS\r\n'.repeat(1_000)).then(() => (ended = true));
        return '';
      },
    });
    await readAll(server);
    flood = true;
    await readAll(server);
    await expect.poll(() => ended, { timeout: 10_000 }).toBe(true);
  });
});
