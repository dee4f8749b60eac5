import { rmSync } from 'node:fs';
import path from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  appendLetters,
  askOf,
  letter,
  looked,
  messageNamed,
  messagesNamed,
  move,
  readStatus,
  rowsOf,
} from '../support/mailbox-rows.ts';
import { startSyncedMailbox, withClient, type SyncedMailbox } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

describe.each(['qresync', 'plain'] as const)('identity at a %s server', (capabilities) => {
  let mailbox: SyncedMailbox;

  beforeAll(async () => {
    mailbox = await startSyncedMailbox({
      capabilities,
      prepare: async (client) => {
        for (const name of ['Archive', 'Projects', 'Short']) await client.mailboxCreate(name);
        for (const name of ['INBOX', 'Projects', 'Short']) {
          for (let i = 0; i < 6; i += 1) await client.append(name, letter(`${name}-${i}@x`));
        }
      },
    });
    await mailbox.waitForState('live');
    await mailbox.base.owner.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update messages set tracked = true`;
    });
  }, 120_000);

  afterAll(() => mailbox.stop());

  it('survives a move there and back, with thread and tracking', async () => {
    const before = await messageNamed(mailbox, 'INBOX-0@x');
    await move(mailbox, '1', { from: 'INBOX', to: 'Archive' });
    await looked(mailbox);
    expect(await messageNamed(mailbox, 'INBOX-0@x')).toEqual(before);
    await move(mailbox, '1', { from: 'Archive', to: 'INBOX' });
    await looked(mailbox);
    expect(await messageNamed(mailbox, 'INBOX-0@x')).toEqual(before);
    expect(await mailbox.differences()).toEqual([]);
  });

  it('survives the renaming of its folder, which keeps its own id', async () => {
    const before = await messageNamed(mailbox, 'Projects-3@x');
    const folder = await folderOf('Projects-3@x');
    await withClient(mailbox.dovecot, async (client) => {
      await client.mailboxRename('Projects', 'Undertakings');
    });
    await looked(mailbox);
    expect(await messageNamed(mailbox, 'Projects-3@x')).toEqual(before);
    expect(await folderOf('Projects-3@x')).toBe(folder);
    // The old name may be used again, by another folder.
    await withClient(mailbox.dovecot, async (client) => {
      await client.mailboxCreate('Projects');
    });
    await appendLetters(mailbox, 'Projects', 'anew', 1);
    await looked(mailbox);
    expect(await folderOf('anew-0@x')).not.toBe(folder);
    expect(await mailbox.differences()).toEqual([]);
  });

  it('is not inherited by strangers in a folder that is made again under its name', async () => {
    const old = await messageNamed(mailbox, 'Short-0@x');
    await withClient(mailbox.dovecot, async (client) => {
      await client.mailboxDelete('Short');
    });
    await looked(mailbox);
    rmSync(path.join(mailbox.dovecot.maildir, 'dovecot-uidvalidity'), { force: true });
    await withClient(mailbox.dovecot, async (client) => {
      await client.mailboxCreate('Short');
    });
    await appendLetters(mailbox, 'Short', 'stranger', 6);
    await looked(mailbox);
    expect(await mailbox.differences()).toEqual([]);
    const strangers = await rowsOf<{ id: string; tracked: boolean }>(
      mailbox,
      sql`select m.id, m.tracked from messages m join placements p on p.message_id = m.id
        where m.message_id_index = ${mailbox.vault.index('message-id', '<stranger-0@x>')}`,
    );
    expect(strangers).toMatchObject([{ tracked: false }]);
    expect(strangers[0]!.id).not.toBe(old.id);
  });

  it('keeps copies and repeated Message-IDs apart, linked by their content', async () => {
    await withClient(mailbox.dovecot, async (client) => {
      await client.append('INBOX', letter('twice@x'));
      await client.append('INBOX', letter('twice@x'));
      const nameless = 'Subject: nameless\r\nFrom: ann@example.org\r\n\r\nthe same\r\n';
      await client.append('INBOX', nameless);
      await client.append('INBOX', nameless);
    });
    await looked(mailbox);
    expect(await messagesNamed(mailbox, 'twice@x')).toHaveLength(2);
    const copies = await rowsOf<{ count: number }>(
      mailbox,
      sql`select count(*)::int as count from messages where content_index in (
        select content_index from messages group by content_index having count(*) = 2)`,
    );
    expect(copies).toEqual([{ count: 4 }]);
    expect(await mailbox.differences()).toEqual([]);
  });

  it('comes back with a message that is there again within the undo window', async () => {
    const before = await messageNamed(mailbox, 'INBOX-5@x');
    await mailbox.base.owner.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update placements set hidden_at = now() where message_id = ${before.id}`;
      await tx`update messages set hidden_at = now() where id = ${before.id}`;
      await tx`
        insert into tombstones (tenant_id, connection_id, folder_id, uid_validity, uid, inferred)
        select f.tenant_id, f.connection_id, f.id, f.uid_validity, p.uid, true
        from placements p join folders f on f.id = p.folder_id where p.message_id = ${before.id}`;
    });
    await askOf(mailbox, 'reconcile_requested_at');
    const started = (await readStatus(mailbox))['reconciled_at'];
    await mailbox.poke();
    await reconciledAfter(started);
    expect(await messageNamed(mailbox, 'INBOX-5@x')).toEqual(before);
    expect(await mailbox.differences()).toEqual([]);
  });

  async function reconciledAfter(before: unknown): Promise<void> {
    await waitFor(async () => (await readStatus(mailbox))['reconciled_at'] !== before, {
      what: 'a reconciliation',
      timeoutMs: 45_000,
    });
  }

  async function folderOf(messageId: string): Promise<string> {
    const { id } = await messageNamed(mailbox, messageId);
    const rows = await rowsOf<{ folder_id: string }>(
      mailbox,
      sql`select folder_id from placements where message_id = ${id} and hidden_at is null`,
    );
    return rows[0]!.folder_id;
  }
});
