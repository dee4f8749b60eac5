import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Mailboxes } from '../emulators/imap/mailboxes.ts';
import {
  createImapEmulator,
  defaultCapabilities,
  type ImapEmulator,
} from '../emulators/imap/server.ts';
import { openRewritingProxy, type RewritingProxy } from '../support/rewriting-proxy.ts';
import { openSlicedMailbox, type SlicedMailbox } from '../support/sliced-mailbox.ts';

const user = 'jane@example.com';

let emulator: ImapEmulator;
let account: Mailboxes;
let proxy: RewritingProxy;
let mailbox: SlicedMailbox;
/** Folders that the server lists besides its own. */
let more: number;

beforeEach(async () => {
  more = 0;
  emulator = await createImapEmulator({
    users: { [user]: 'secret' },
    capabilities: defaultCapabilities,
  });
  account = emulator.account(user);
  account.create('Other');
  for (const folder of ['INBOX', 'Other']) append(folder, 'first');
  proxy = await openRewritingProxy(emulator.port, (line) =>
    more > 0 && /^\* LIST .*"INBOX"$/.test(line) ? [line, ...rows(more)].join('\r\n') : line,
  );
  mailbox = await openSlicedMailbox({ port: proxy.port, user, password: 'secret' });
});

afterEach(async () => {
  await mailbox[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await emulator.close();
});

/** A listed folder with its counters takes two lines. */
function rows(count: number): string[] {
  const counters = '(MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7 UNSEEN 0 HIGHESTMODSEQ 1)';
  return Array.from(
    { length: count },
    (_, i) => `* LIST () "/" "f${i}"\r\n* STATUS "f${i}" ${counters}`,
  );
}

function append(folder: string, subject: string): void {
  const head = `Subject: ${subject}\r\nMessage-ID: <${subject}-${folder}@x>`;
  account.append(folder, `${head}\r\n\r\n${subject}\r\n`);
}

const shown = async () => (await mailbox.places()).map(({ folder, uid }) => `${folder} ${uid}`);

const tooMany = {
  outcome: 'failed',
  failure: { kind: 'too-large', code: 'imap-too-many-folders' },
};

describe.each([10_001, 50_000])('a mailbox of more than %i folders', (count) => {
  test('says so; what is stored stays, and it goes on when there are fewer', async () => {
    await mailbox.importAll();
    const before = await mailbox.read(sql`select count(*)::int from folders`);
    more = count;
    append('INBOX', 'second');
    account.expunge('Other', [1]);
    expect(await mailbox.live()).toMatchObject(tooMany);
    const [status] = await mailbox.read(sql`
      select state, reason, next_attempt_at > steward_now() as waits from sync_status`);
    expect(status).toEqual({ state: 'degraded', reason: 'imap-too-many-folders', waits: true });
    expect(await shown()).toEqual(['INBOX 1', 'Other 1']);
    expect(await mailbox.read(sql`select count(*)::int from folders`)).toEqual(before);
    more = 0;
    expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: 1, removed: 1 });
    expect(await shown()).toEqual(['INBOX 1', 'INBOX 2']);
  });
});

test('five thousand new folders are taken in by one slice, in one transaction', async () => {
  more = 5_000;
  const report = await mailbox.live();
  expect(report.failure ?? null).toBeNull();
  const [row] = await mailbox.read(sql`
    select count(*)::int as folders, count(distinct created_at)::int as transactions
    from folders where hidden_at is null`);
  expect(row).toEqual({ folders: 5_002, transactions: 1 });
});
