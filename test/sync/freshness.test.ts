import path from 'node:path';
import { defaultPayloadConverter } from '@temporalio/common';
import { sql } from 'drizzle-orm';
import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withTenant } from '../../db/tenant.ts';
import { workflowIds } from '../../workflows/contract.ts';
import { generateMaildir } from '../support/mailbox-generator.ts';
import { startSyncedMailbox, withClient, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

/** What is imported meanwhile: long enough that new mail comes before its end. */
const history = 8_000;
const appended = 20;

/** A safety poll that is due later than this cannot be what brings a message. */
const farAway = '4 minutes';

let mailbox: SyncedMailbox;

beforeAll(async () => {
  const generate = { messages: 50, folders: 1, seed: 5, mix: 'usual' } as const;
  mailbox = await startSyncedMailbox({ capabilities: 'condstore', generate });
  await mailbox.waitForState('live');
  await mailbox.poke();
  await waitFor(() => holds(sql`watch_seen_at is not null`), { what: 'the watch' });
  await waitFor(() => holds(sql`next_attempt_at > now() + ${farAway}::interval`), {
    what: 'a safety poll that is far away',
  });
}, 120_000);

afterAll(() => mailbox?.stop());

describe('new mail during an import', () => {
  it('comes by the watch alone', async () => {
    await withClient(mailbox.dovecot, async (client) => {
      const maildir = path.join(mailbox.dovecot.maildir, '.Archive');
      generateMaildir({ maildir, messages: history, folders: 1, seed: 6, mix: 'text' });
      // Its poke makes the sync look at the folders, and so starts the import.
      await arrival(client, 0);
      await waitFor(() => holds(sql`state = 'backfilling'`), { what: 'the import' });
      const times: number[] = [];
      let importing = 0;
      for (let i = 1; i <= appended; i += 1) {
        times.push(await arrival(client, i));
        if (await holds(sql`backfill_done_at is null`)) importing += 1;
      }
      report(times, importing);
      expect(importing).toBeGreaterThan(0);
    });
    expect(await looks()).not.toContain(false);
    await mailbox.waitForState('live');
    expect(await mailbox.differences()).toEqual([]);
  }, 120_000);
});

/** Appends a message and returns how long it took to stand in the store, in milliseconds. */
async function arrival(client: ImapFlow, number: number): Promise<number> {
  const { base, licence } = mailbox;
  const text = `Subject: new ${number}\r\nMessage-ID: <new${number}@x>\r\n\r\nhello\r\n`;
  const result = await client.append('INBOX', text);
  const started = performance.now();
  const uid = result && result.uid;
  if (!uid) throw new Error('the server did not name the UID');
  const stored = () =>
    withTenant(base.app, licence.tenantId, async (tx) => {
      const rows = await tx.execute(sql`
        select 1 from placements p join folders f on f.id = p.folder_id
        where f.role = 'inbox' and p.uid = ${uid} and p.hidden_at is null`);
      return rows.length > 0;
    });
  await waitFor(stored, { what: `message ${number}`, intervalMs: 10 });
  return performance.now() - started;
}

/** Whether the connection's status fulfils a condition. */
async function holds(condition: ReturnType<typeof sql>): Promise<boolean> {
  return await withTenant(mailbox.base.app, mailbox.licence.tenantId, async (tx) => {
    const rows = await tx.execute(sql`select 1 from sync_status where ${condition}`);
    return rows.length > 0;
  });
}

/** For every look at the mailbox, whether a poke asked for it. */
async function looks(): Promise<unknown[]> {
  const { client } = mailbox.worker;
  const id = workflowIds.mailboxSync(mailbox.licence.connectionId);
  const { events } = await client.workflow.getHandle(id).fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => {
    if (scheduled?.activityType?.name !== 'runLiveSlice') return [];
    const payload = scheduled.input!.payloads![0]!;
    return [defaultPayloadConverter.fromPayload<{ poked: boolean }>(payload).poked];
  });
}

/** Information, not an assertion: what it is depends on the machine. */
function report(times: number[], importing: number): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1]!);
  console.info(
    `${times.length} messages, ${importing} during the import: p50 ${at(0.5)} ms, ` +
      `p95 ${at(0.95)} ms, slowest ${at(1)} ms`,
  );
}
