import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDataFault } from '../../db/data-fault.ts';
import { PoisonedPageError } from '../../domain/failure.ts';
import type { EncodeJob } from '../../domain/mail-page.ts';
import { createPageEncoder } from '../../worker/threads/page-encoder.ts';
import { fillInbox, lettersCount } from '../emulators/imap-hostile/behaviour.ts';
import { createHostileServer } from '../emulators/imap-hostile/server.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createMemoryKeyStore } from '../support/keys.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { createPoisonWorld, type PoisonWorld } from './poison-world.ts';

describe('a message with a value that no column holds', () => {
  let world: PoisonWorld;
  beforeAll(async () => {
    world = await createPoisonWorld((encoder) => ({
      encode: async (job) => {
        const page = await encoder.encode(job);
        for (const message of page.messages) if (message.uid === 2) message.size = 2 ** 40;
        return page;
      },
    }));
  });
  afterAll(() => world?.stop());

  it('costs itself after three tries, and nothing else', async () => {
    await using server = await createHostileServer({ mailbox: fillInbox });
    await world.connect(server.port);
    for (const kind of ['live', 'backfill', 'live', 'live'] as const) {
      expect((await world.slice(kind)).outcome).toBe('done');
    }
    expect(await world.stored()).toBe(lettersCount - 1);
    expect(await world.skips()).toEqual([
      { uid: 2, reason: 'unstorable', strikes: 3, quarantined: true },
    ]);
  });
});

describe('what the database says of a value', () => {
  let base: TestDatabase;
  beforeAll(async () => {
    base = await createTestDatabase();
  });
  afterAll(() => base.drop());

  it.each([
    ['a number out of range', sql`select 5000000000::int8::int4`, true],
    ['a text that is no date', sql`select '+275760-09-13T00:00:00Z'::timestamptz`, true],
    ['a table that is not there', sql`select 1 from nowhere`, false],
    ['a right that is missing', sql`select 1 from pg_authid`, false],
  ])('%s', async (_what, statement, fault) => {
    const error: unknown = await base.app.db.execute(statement).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(isDataFault(error)).toBe(fault);
  });
});

describe('the page thread', () => {
  it('is replaced when it does not come to the end of a page, which is then poisoned', async () => {
    const store = createMemoryKeyStore();
    const keyring = createKeyring({
      ...{ rootKeys: () => [Buffer.alloc(32, 1)], store, cacheMs: 60_000, cacheMax: 2 },
    });
    const tenantId = uuidv7();
    await keyring.create(tenantId);
    const hasty = createPageEncoder(keyring, { timeoutMs: 1 });
    await expect(hasty.encode(jobOf(tenantId, 400))).rejects.toBeInstanceOf(PoisonedPageError);
    await hasty[Symbol.asyncDispose]();
    const patient = createPageEncoder(keyring);
    await expect(patient.encode(jobOf(tenantId, 400))).resolves.toMatchObject({ failures: [] });
    await patient[Symbol.asyncDispose]();
  });

  function jobOf(tenantId: string, count: number): EncodeJob {
    return {
      ...{ tenantId, connectionId: uuidv7(), folderId: uuidv7(), uidValidity: '1' },
      ...{ folderRole: null, ownAddressIds: [], knownIds: new Map() },
      messages: Array.from({ length: count }, (_, i) => ({
        ...{ uid: i + 1, flags: 0, keywords: [], size: 1, version: 0n, attachments: [] },
        ...{ stableId: undefined, threadId: undefined, receivedAt: new Date(0), leaves: [] },
        header: new Uint8Array(Buffer.from(`Subject: ${'x'.repeat(10_000)}\r\n\r\n`)),
      })),
    };
  }
});

describe('a login that is refused', () => {
  it('is tried three times, whoever pokes, and then not again until it is renewed', async () => {
    const world = await createPoisonWorld();
    await using server = await createHostileServer({ mailbox: fillInbox });
    await world.connect(server.port, 'wrong');
    const codes: unknown[] = [];
    for (let i = 0; i < 6; i += 1) codes.push((await world.slice('live')).failure?.code);
    codes.push((await world.slice('backfill')).failure?.code);
    expect(codes).toEqual([
      ...Array.from({ length: 3 }, () => 'imap-login-failed'),
      ...Array.from({ length: 4 }, () => 'imap-login-stopped'),
    ]);
    const logins = server.commands.filter((command) => /^(LOGIN|AUTHENTICATE)/.test(command));
    expect(logins).toHaveLength(3);
    await world.stop();
  });
});
