import { sql } from 'drizzle-orm';
import { afterEach, expect, it } from 'vitest';
import { endConnection } from '../../activities/mail/erase-connection.ts';
import { withTenant } from '../../db/tenant.ts';
import { ensureWorkflows } from '../../worker/ensure-workflows.ts';
import { searchAttributes, workflowIds } from '../../workflows/contract.ts';
import { startOperatedMailbox, type OperatedMailbox } from '../support/operated-mailbox.ts';
import { skipDays } from '../support/skip-time.ts';
import { withClient } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';
import { undisturbed } from '../support/slice-life.ts';

const messages = 60;

let mailbox: OperatedMailbox | undefined;
afterEach(async () => {
  await mailbox?.[Symbol.asyncDispose]();
  mailbox = undefined;
});

/** A mailbox in step, one message of which is tracked. */
async function connected(): Promise<{ mailbox: OperatedMailbox; tracked: string }> {
  mailbox = await startOperatedMailbox({
    dovecot: { capabilities: 'qresync', rawLog: true },
    generate: { messages, folders: 4, seed: 11, mix: 'usual' },
  });
  await mailbox.waitForState('live');
  const headers = { key: mailbox.tenant.key, member: mailbox.member };
  const page = await mailbox.api.call('GET', '/v1/messages?limit=1', headers);
  const tracked = page.body.data[0]!['id'] as string;
  await mailbox.api.call('POST', `/v1/messages/${tracked}/track`, { ...headers, body: {} });
  return { mailbox, tracked };
}

/** Rows that the store has of the connection, by table. */
async function rows({ api, tenant, uuid }: OperatedMailbox): Promise<Record<string, number>> {
  const tables = [
    ...['messages', 'placements', 'participants', 'folders', 'collections', 'labels'],
    ...['thread_references', 'tombstones', 'skips'],
  ];
  return await withTenant(api.database.app, tenant.uuid, async (tx) => {
    const counts: Record<string, number> = {};
    for (const table of tables) {
      const [row] = await tx.execute<{ count: number }>(sql`
        select count(*)::int as count from ${sql.identifier(table)}
        where connection_id = ${uuid}`);
      counts[table] = row!.count;
    }
    return counts;
  });
}

const ended = async ({ workflow }: OperatedMailbox) =>
  await waitFor(async () => (await workflow().describe()).status.name === 'COMPLETED', {
    what: 'the end of the workflow',
    timeoutMs: 30_000,
  });

/** How many sessions of the account the server has. */
async function sessions({ dovecot }: OperatedMailbox): Promise<number> {
  const lines = (await dovecot.doveadm('who', '-1')).split('\n');
  return lines.filter((line) => line.startsWith(dovecot.user)).length;
}

it('ends at once: credentials wiped, generation raised, sockets closed', async () => {
  const { mailbox: box } = await connected();
  await waitFor(async () => (await box.view()).capabilities.mail?.watchAgeSeconds !== null, {
    what: 'the watch',
  });
  expect(await sessions(box)).toBeGreaterThan(0);
  const answer = await box.call('DELETE', `/v1/connections/${box.id}`);
  expect(answer).toMatchObject({ status: 202, body: { state: 'disconnecting' } });
  const [row] = await box.api.database.owner.sql`
    select c.credentials, d.generation, d.wanted from connections c
    join directory.connections d on d.id = c.id where c.id = ${box.uuid}`;
  expect(row).toEqual({ credentials: null, generation: 2, wanted: 'disconnected' });
  await waitFor(async () => (await sessions(box)) === 0, { what: 'closed sockets' });
});

it('keeps everything for seven days, then erases all but tracked mail', async () => {
  const { mailbox: box, tracked } = await connected();
  const before = await rows(box);
  expect(before['messages']).toBe(messages);
  await box.call('DELETE', `/v1/connections/${box.id}`);
  await skipDays(box.worker.client, workflowIds.mailboxSync(box.uuid), 6.9);
  expect(await rows(box)).toEqual(before);
  expect((await box.view()).state).toBe('disconnecting');

  await skipDays(box.worker.client, workflowIds.mailboxSync(box.uuid), 0.2);
  await ended(box);
  expect(await rows(box)).toMatchObject({
    ...{ messages: 1, placements: 1, folders: 1, collections: 1, skips: 0, tombstones: 0 },
  });
  expect((await rows(box))['thread_references']).toBeLessThanOrEqual(1);
  expect((await box.view()).state).toBe('disconnected');
  const headers = { key: box.tenant.key, member: box.member };
  const kept = await box.api.call('GET', `/v1/messages/${tracked}/body`, headers);
  expect(kept.status).toBe(200);
  // Addresses that only erased mail named are gone as well.
  const orphans = await box.api.database.owner.sql`
    select from addresses a where not exists
      (select from participants p where p.tenant_id = a.tenant_id and p.address_id = a.id)`;
  expect(orphans).toHaveLength(0);
});

it('erases at once with data=erase', async () => {
  const { mailbox: box } = await connected();
  const { sql: owner } = box.api.database.owner;
  // What is left of messages that are gone, and an address that nobody has.
  await owner.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`
      insert into addresses (tenant_id, id, address) values
        (${box.tenant.uuid}, gen_random_uuid(), ''), (${box.tenant.uuid}, ${box.uuid}, '')`;
    await tx`
      insert into participants (tenant_id, connection_id, message_id, role, address_id)
      values (${box.tenant.uuid}, ${box.uuid}, gen_random_uuid(), 'from', ${box.uuid})`;
    await tx`
      insert into placements (tenant_id, connection_id, folder_id, uid, message_id, flags, label_ids,
        version)
      select tenant_id, connection_id, id, -1, gen_random_uuid(), 0, '{}', 0
      from folders where connection_id = ${box.uuid}`;
  });
  await box.call('DELETE', `/v1/connections/${box.id}?data=erase`);
  await ended(box);
  expect(await rows(box)).toMatchObject({ messages: 1, placements: 1, folders: 1 });
  const strangers = await owner`
    select from participants where connection_id = ${box.uuid} and message_id not in (
      select id from messages where connection_id = ${box.uuid})`;
  expect(strangers).toHaveLength(0);
  const unused = await owner`
    select from addresses a where not exists
      (select from participants p where p.tenant_id = a.tenant_id and p.address_id = a.id)`;
  expect(unused).toHaveLength(0);
});

it('keeps everything with data=keep, until somebody decides otherwise', async () => {
  const { mailbox: box } = await connected();
  const before = await rows(box);
  await box.call('DELETE', `/v1/connections/${box.id}?data=keep`);
  await ended(box);
  expect(await rows(box)).toEqual(before);
  expect(await box.view()).toMatchObject({ state: 'disconnected', eraseAfter: null });
  // Said again without a word about the data, it changes nothing.
  await box.call('DELETE', `/v1/connections/${box.id}`);
  expect((await box.view()).eraseAfter).toBeNull();

  await box.call('DELETE', `/v1/connections/${box.id}?data=erase`);
  await waitFor(async () => (await rows(box))['messages'] === 1, { what: 'the erasure' });
  await ended(box);
});

it('erases nothing under a decision that people have changed since', async () => {
  const { mailbox: box } = await connected();
  const before = await rows(box);
  await box.call('DELETE', `/v1/connections/${box.id}`);
  const target = { tenantId: box.tenant.uuid, connectionId: box.uuid, capability: 'mail' } as const;
  const stale = { ...target, eraseAfter: new Date().toISOString() };
  // As of a wait that began before: for another day, or for data that was to be kept.
  for (const decision of [stale, target])
    await endConnection(box.worker.deps, decision, undisturbed);
  expect(await rows(box)).toEqual(before);
  const [row] = await box.api.database.owner.sql`
    select closed_at from directory.connections where id = ${box.uuid}`;
  expect(row).toEqual({ closed_at: null });
});

it('goes on where it stopped when the account is connected again within the seven days', async () => {
  const { mailbox: box } = await connected();
  const before = await ids(box);
  await box.call('DELETE', `/v1/connections/${box.id}`);
  await skipDays(box.worker.client, workflowIds.mailboxSync(box.uuid), 5);
  await withClient(box.dovecot, async (client) => {
    await client.append(
      'INBOX',
      'Subject: meanwhile\r\nMessage-ID: <meanwhile@x>\r\n\r\nhello\r\n',
    );
  });
  const asked = box.dovecot.commands().length;
  expect(await box.connect()).toMatchObject({ status: 201, body: { id: box.id } });
  await box.waitForState('live');
  await waitFor(async () => (await box.differences()).length === 0, { what: 'equality' });
  const after = await ids(box);
  expect(after.filter((id) => !before.includes(id))).toHaveLength(1);
  expect(before.filter((id) => !after.includes(id))).toEqual([]);
  // One message came; the others were not read again. The test's own client reads sources.
  const fetched =
    box.dovecot
      .commands()
      .slice(asked)
      .match(/FETCH [\d:,*]+ \([^)]*HEADER/g) ?? [];
  expect(fetched.length).toBeLessThanOrEqual(2);
});

it('is found again by the minute’s look when the poke of the reconnect was lost', async () => {
  const { mailbox: box } = await connected();
  await box.call('DELETE', `/v1/connections/${box.id}`);
  await waitFor(async () => (await syncStateOf(box)) === 'disconnecting', { what: 'the rest' });
  const lost = () => Promise.reject(new Error('Temporal is away.'));
  box.api.deps.workflows = { ensure: lost, check: lost };
  expect((await box.connect()).status).toBe(201);
  await waitFor(
    async () => {
      await ensureWorkflows({
        ...box.worker,
        database: box.api.database.app,
        connection: box.worker.operator,
      });
      return (await box.view()).state === 'live';
    },
    { what: 'the state live', intervalMs: 500, timeoutMs: 30_000 },
  );
});

it('erases the untracked mail of a member who is off-boarded', async () => {
  const { mailbox: box, tracked } = await connected();
  const colleague = await box.tenant.member('Colleague');
  expect((await box.call('DELETE', `/v1/members/${box.member}`)).status).toBe(202);
  await ended(box);
  expect(await rows(box)).toMatchObject({ messages: 1 });
  const headers = { key: box.tenant.key, member: colleague };
  const kept = await box.api.call('GET', `/v1/messages/${tracked}`, headers);
  expect(kept).toMatchObject({ status: 200, body: { tracked: true } });
});

async function ids({ api, tenant, uuid }: OperatedMailbox): Promise<string[]> {
  const found = await withTenant(api.database.app, tenant.uuid, (tx) =>
    tx.execute<{ id: string }>(sql`
      select id from messages where connection_id = ${uuid} and hidden_at is null`),
  );
  return found.map(({ id }) => id);
}

async function syncStateOf({ workflow }: OperatedMailbox): Promise<string | undefined> {
  const { typedSearchAttributes } = await workflow().describe();
  return typedSearchAttributes.get(searchAttributes.syncState);
}
