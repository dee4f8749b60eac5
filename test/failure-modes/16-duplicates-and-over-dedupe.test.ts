import { sql } from 'drizzle-orm';
import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBackfillSlice } from '../../activities/mail/backfill-slice.ts';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import { startAskingMailbox, type AskingMailbox } from '../support/asking-mailbox.ts';
import { createTestConnection } from '../support/connection.ts';
import { letter } from '../support/mailbox-rows.ts';
import { undisturbed } from '../support/slice-life.ts';

const date = new Date(Date.UTC(2026, 0, 1));
const nameless = (text: string) => `Subject: nameless\r\nFrom: ann@example.org\r\n\r\n${text}\r\n`;

describe.each(['qresync', 'uidplus'] as const)('at a %s server', (capabilities) => {
  let world: AskingMailbox;

  beforeAll(async () => {
    world = await startAskingMailbox(capabilities);
    for (const name of ['Archive', 'Projects']) await world.other.mailboxCreate(name);
    await world.settle();
  }, 60_000);
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('the same mail in two folders is there twice, in one of them once', async () => {
    await add('INBOX', letter('both@x'));
    await add('Archive', letter('both@x'));
    await world.settle();
    const ids = await idsOf('both@x');
    expect(ids).toHaveLength(2);
    expect(new Set(ids)).toHaveProperty('size', 2);
    // One copy goes, and takes nothing with it.
    await inFolder('Archive', (client) => client.messageDelete('1:*'));
    await world.settle();
    expect(await idsOf('both@x')).toEqual(ids.slice(0, 1));
    expect(await world.differences()).toEqual([]);
  });

  it('what is moved is one message before and after, also beside a copy of itself', async () => {
    await add('INBOX', letter('moved@x'));
    await add('Projects', letter('moved@x'));
    await world.settle();
    // Copies that arrive together are known to stand side by side from the next look on.
    await world.settle();
    const before = await idsOf('moved@x');
    expect(before).toHaveLength(2);
    await inFolder('INBOX', async (client) => {
      const uids = await client.search({ header: { 'message-id': '<moved@x>' } }, { uid: true });
      await client.messageMove(uids as number[], 'Archive', { uid: true });
    });
    await world.settle();
    expect((await idsOf('moved@x')).toSorted()).toEqual(before.toSorted());
    expect(await world.differences()).toEqual([]);
  });

  it('mail without a Message-ID, or with one that others have, is not taken for the same', async () => {
    const [first, second] = [nameless('one text'), nameless('another text')];
    const repeated = letter('again@x', ['X-Round: 1']);
    const rewritten = repeated.replace('<again@x>', '<gateway-1@x>');
    for (const raw of [first, first, second, repeated, repeated, rewritten]) {
      await add('INBOX', raw);
    }
    await world.settle();
    expect(await world.differences()).toEqual([]);
    expect(await idsOf('again@x')).toHaveLength(2);
    expect(await idsOf('gateway-1@x')).toHaveLength(1);
    // What has the same text is linked, and no more than that.
    const copies = await world.mailbox.read(sql`
      select count(*)::int as count from messages m where m.hidden_at is null
        and (select message_id_index from messages t where t.id = m.id) is null
      group by content_index order by count`);
    expect(copies).toEqual([{ count: 1 }, { count: 2 }]);
  });

  it('one of two equal mails goes, at once with an equal one that comes elsewhere', async () => {
    for (let i = 0; i < 2; i += 1) await add('Projects', letter('equal@x'));
    await world.settle();
    const before = await idsOf('equal@x');
    await add('Archive', letter('equal@x'));
    await inFolder('Projects', async (client) => {
      const uids = await client.search({ header: { 'message-id': '<equal@x>' } }, { uid: true });
      await client.messageDelete([(uids as number[])[0]!], { uid: true });
    });
    await world.settle();
    const after = await idsOf('equal@x');
    expect(after).toHaveLength(2);
    expect(before).toEqual(expect.arrayContaining(after));
    expect(await world.differences()).toEqual([]);
  });

  it('two mailboxes that hold the same mail each keep their own', async () => {
    await add('INBOX', letter('shared@x'));
    await world.settle();
    const { mailbox, dovecot } = world;
    const { base, vault, deps } = mailbox;
    const second = await createTestConnection(base.app, vault, {
      ...{ host: 'localhost', port: dovecot.port, security: 'none' },
      ...{ username: dovecot.user, password: dovecot.password },
    });
    const target = { ...second, capability: 'mail' as const, failuresBefore: 0 };
    await runLiveSlice(deps, { ...target, poked: true, cautious: false }, undisturbed);
    await runBackfillSlice(deps, target, undisturbed);
    const rows = await mailbox.read(sql`
      select connection_id, count(distinct id)::int as count from messages
      where hidden_at is null group by connection_id`);
    expect(rows).toHaveLength(2);
    expect(rows[0]!['count']).toBe(rows[1]!['count']);
    expect(new Set(await idsOf('shared@x'))).toHaveProperty('size', 2);
  });

  /** All mail is received at one instant: what can be told apart, is told apart by more than that. */
  async function add(folder: string, raw: string): Promise<void> {
    await world.other.append(folder, raw, [], date);
  }

  async function inFolder(folder: string, work: (client: ImapFlow) => Promise<unknown>) {
    await world.other.mailboxOpen(folder);
    await work(world.other);
    await world.other.mailboxClose();
  }

  /** Ids of the messages that are shown under a Message-ID, oldest first. */
  async function idsOf(messageId: string): Promise<string[]> {
    const index = world.mailbox.vault.index('message-id', `<${messageId}>`);
    const rows = await world.mailbox.read(sql`
      select id from messages where message_id_index = ${index} and hidden_at is null
      order by created_at, id`);
    return rows.map(({ id }) => String(id));
  }
});
