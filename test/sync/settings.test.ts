import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLicence, withFence } from '../../db/fence.ts';
import { withTenant } from '../../db/tenant.ts';
import { startOperatedMailbox, type OperatedMailbox } from '../support/operated-mailbox.ts';
import { withClient } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

const messages = 120;

let box: OperatedMailbox;
beforeAll(async () => {
  box = await startOperatedMailbox({
    dovecot: { capabilities: 'condstore' },
    generate: { messages, folders: 5, seed: 21, mix: 'text' },
    // The generated mail begins in January 2025; the day splits the first folder's messages.
    connect: { backfillSince: '2025-01-01', excludedFolders: [['Drafts']] },
  });
  await box.waitForState('live');
}, 120_000);
afterAll(() => box[Symbol.asyncDispose]());

const append = async (id: string) =>
  await withClient(box.dovecot, async (client) => {
    await client.append('INBOX', `Subject: ${id}\r\nMessage-ID: <${id}@x>\r\n\r\nhello\r\n`);
  });

const change = async (body: object) => await box.call('PATCH', `/v1/connections/${box.id}`, body);

const count = async (where = sql`true`): Promise<number> =>
  await withTenant(box.api.database.app, box.tenant.uuid, async (tx) => {
    const [row] = await tx.execute<{ count: number }>(sql`
      select count(*)::int as count from messages where hidden_at is null and ${where}`);
    return row!.count;
  });

describe('settings of a running connection', () => {
  it('a password that was changed at the provider is renewed: the sync goes on where it was', async () => {
    const before = await count();
    box.dovecot.changePassword('another secret');
    await box.dovecot.restart();
    await append('after the change');
    // A session that is open may outlive the restart; the next one has to log in.
    box.worker.deps.mail.dismiss(box.uuid);
    await box.call('POST', `/v1/connections/${box.id}/sync`);
    await box.waitForState('needs-reauth');
    expect((await box.view()).capabilities.mail?.reason).toBe('imap-login-failed');

    expect((await change({ imap: { password: 'still wrong' } })).status).toBe(422);
    expect((await box.view()).state).toBe('needs-reauth');
    const renewed = await change({ imap: { password: 'another secret' } });
    expect(renewed).toMatchObject({ status: 200, body: { state: 'connecting' } });
    await box.waitForState('live');
    expect(await count()).toBe(before + 1);
    // The watch comes back with the new password as well.
    const since = new Date().toISOString();
    await waitFor(() => watchSeenAfter(since), { what: 'the watch', timeoutMs: 60_000 });
  }, 120_000);

  it('a folder that is no longer excluded is imported, and goes when it is excluded again', async () => {
    const drafts = sql`id in (select p.message_id from placements p join folders f
      on f.tenant_id = p.tenant_id and f.id = p.folder_id
      where f.role = 'drafts' and p.hidden_at is null)`;
    const imported = async () => (await count(drafts)) > 0;
    expect(await imported()).toBe(false);
    expect((await change({ excludedFolders: [] })).status).toBe(200);
    await waitFor(imported, { what: 'the drafts', timeoutMs: 30_000 });
    await box.waitForState('live');
    expect(await box.differences()).toEqual([]);

    await change({ excludedFolders: [['Drafts']] });
    await waitFor(async () => !(await imported()), { what: 'the exclusion', timeoutMs: 30_000 });
    await change({ excludedFolders: [] });
    await waitFor(async () => (await box.differences()).length === 0, {
      what: 'the drafts again',
      timeoutMs: 30_000,
    });
  });

  it('an earlier day brings more history; a later one takes nothing away', async () => {
    const all = await count();
    // As if it had been connected with a day in the middle of its mail.
    await forgetOlderThan('2025-01-01T12:00:00Z');
    const some = await count();
    expect(some).toBeLessThan(all);
    await box.api.database.owner.sql`
      update connections set backfill_since = '2025-01-02' where id = ${box.uuid}`;
    await box.call('POST', `/v1/connections/${box.id}/sync`);
    await box.waitForState('live');
    expect(await count()).toBe(some);

    expect((await change({ backfillSince: '2026-06-01' })).status).toBe(200);
    await box.waitForState('live');
    expect(await count()).toBe(some);
    expect((await change({ backfillSince: null })).body['backfillSince']).toBeNull();
    await waitFor(async () => (await count()) === all, { what: 'the history', timeoutMs: 30_000 });
  });
});

describe('own addresses', () => {
  it('are the account and what the sent folder was sent from, the latter for its owner only', async () => {
    await withClient(box.dovecot, async (client) => {
      const sent = (name: string, from: string) =>
        `From: ${from}\r\nTo: x@example.org\r\nMessage-ID: <${name}@x>\r\n\r\nhello\r\n`;
      await client.append('Sent', sent('sent-1', 'Sales <Sales@Example.com>'));
      await client.append('Sent', sent('sent-2', `"Jane" <${box.dovecot.user.toUpperCase()}>`));
      await client.append('INBOX', sent('inbox-1', 'stranger@example.net'));
    });
    await box.call('POST', `/v1/connections/${box.id}/sync`);
    await waitFor(async () => (await box.differences()).length === 0, { what: 'equality' });
    const path = `/v1/connections/${box.id}/addresses`;
    const read = async (member?: string) =>
      (await box.api.call('GET', path, { key: box.tenant.key, member })).body.data;
    const account = { address: box.dovecot.user, kind: 'account' };
    const own = await read(box.member);
    expect(own[0]).toEqual(account);
    const aliases = own.slice(1).map(({ address }) => String(address).toLowerCase());
    expect(aliases).toContain('sales@example.com');
    expect(aliases).not.toContain('stranger@example.net');
    expect(aliases).not.toContain(box.dovecot.user);
    expect(await read()).toEqual([account]);
    expect(await read(await box.tenant.member('Colleague'))).toEqual([account]);
  });
});

describe('an item in quarantine', () => {
  it('is stored when somebody asks for another try and it has become readable', async () => {
    const { uid, folderId } = await quarantineOne();
    const all = await count();
    await box.call('POST', `/v1/connections/${box.id}/sync`);
    await append('a sign that the sync has looked');
    await waitFor(async () => (await count()) === all + 1, { what: 'the sign' });
    expect(await placed(folderId, uid)).toBe(false);

    const skips = await box.call('GET', `/v1/connections/${box.id}/skips`);
    const skip = skips.body.data[0]!['id'] as string;
    const path = `/v1/connections/${box.id}/skips`;
    const answer = await box.call('POST', `${path}/${skip}/retry`);
    expect(answer).toMatchObject({ status: 202, body: { id: box.id, statusUrl: path } });
    await waitFor(() => placed(folderId, uid), { what: 'the item', timeoutMs: 30_000 });
    expect((await box.call('GET', path)).body.data).toEqual([]);
    expect((await box.call('POST', `${path}/${skip}/retry`)).status).toBe(404);
  });
});

async function watchSeenAfter(instant: string): Promise<boolean> {
  const [row] = await box.api.database.owner.sql`
    select watch_seen_at > ${instant} as seen from sync_status
    where connection_id = ${box.uuid}`;
  return row?.['seen'] === true;
}

const licence = async () =>
  (await readLicence(box.api.database.app.db, {
    tenantId: box.tenant.uuid,
    connectionId: box.uuid,
    capability: 'mail',
  }))!;

/** Takes messages out of the store as if they had never been imported. */
async function forgetOlderThan(instant: string): Promise<void> {
  await withFence(box.api.database.app, await licence(), async (tx) => {
    const old = sql`(select id from messages where received_at < ${instant})`;
    await tx.execute(sql`delete from placements where message_id in ${old}`);
    await tx.execute(sql`delete from messages where received_at < ${instant}`);
  });
}

/** One stored message becomes an item that failed three times. */
async function quarantineOne(): Promise<{ uid: number; folderId: string }> {
  return await withFence(box.api.database.app, await licence(), async (tx) => {
    const [row] = await tx.execute<{ uid: string; folder_id: string; message_id: string }>(sql`
      delete from placements where (folder_id, uid) in (
        select folder_id, uid from placements where uid > 0 and hidden_at is null
        order by folder_id, uid limit 1)
      returning uid, folder_id, message_id`);
    const { uid, folder_id: folderId, message_id: messageId } = row!;
    await tx.execute(sql`delete from messages where id = ${messageId}`);
    await tx.execute(sql`
      insert into skips (tenant_id, connection_id, id, folder_id, uid, uid_validity, reason,
        strikes, quarantined_at)
      select tenant_id, connection_id, gen_random_uuid(), id, ${uid}, uid_validity, 'unreadable', 3,
        now() from folders where id = ${folderId}`);
    return { uid: Number(uid), folderId };
  });
}

async function placed(folderId: string, uid: number): Promise<boolean> {
  const rows = await box.api.database.owner.sql`
    select from placements where folder_id = ${folderId} and uid = ${uid}`;
  return rows.length > 0;
}
