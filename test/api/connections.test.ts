import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parsePublicId, uuidv7 } from '../../domain/ids.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { registerSearchAttributes } from '../../runtime/temporal.ts';
import { searchAttributes } from '../../workflows/contract.ts';
import { createTestApi, type TestApi, type TestTenant } from '../support/api.ts';
import { startDovecot, type Dovecot } from '../support/dovecot.ts';
import { waitFor } from '../support/wait-for.ts';

let api: TestApi;
let dovecot: Dovecot;
let tenant: TestTenant;
let member: string;
let temporal: Connection;

beforeAll(async () => {
  dovecot = await startDovecot();
  const options = { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true };
  api = await createTestApi({ imap: createImapProvider(options, { failureLatencyMs: 50 }) });
  tenant = await api.tenant('Connects');
  member = await tenant.member('Jane');
  temporal = await Connection.connect({ address: inject('temporalAddress') });
  await registerSearchAttributes(temporal, 'default', Object.values(searchAttributes));
  // The server needs a moment to take new search attributes.
  const ref = { tenantId: uuidv7(), provider: 'imap', capability: 'mail' } as const;
  await waitFor(
    async () => {
      await api.deps.workflows.ensure({ ...ref, connectionId: uuidv7() });
      return true;
    },
    { what: 'search attributes' },
  );
});
afterAll(async () => {
  await temporal.close();
  await api[Symbol.asyncDispose]();
  await dovecot.stop();
});

const call = async (method: string, path: string, body?: unknown) =>
  await api.call(method, path, { key: tenant.key, ...(body !== undefined && { body }) });

const connect = async (changes: object = {}) =>
  await call('POST', '/v1/connections', {
    provider: 'imap',
    memberId: member,
    capabilities: ['mail'],
    backfillSince: '2020-01-01',
    excludedFolders: [['Spam']],
    imap: {
      host: '127.0.0.1',
      port: dovecot.port,
      security: 'none',
      username: dovecot.user,
      password: dovecot.password,
    },
    ...changes,
  });

async function directoryRow(id: string) {
  const uuid = parsePublicId('connection', id)!;
  const [row] = await api.database.owner.sql<
    { wanted: string; generation: number; watchShard: number; credentials: Uint8Array | null }[]
  >`
    select d.wanted, d.generation, d.watch_shard as "watchShard", c.credentials
    from directory.connections d join connections c on c.id = d.id where d.id = ${uuid}`;
  return row!;
}

describe('a connection’s life over HTTP', () => {
  let id: string;

  it('starts with a proven login, sealed rows and a running workflow', async () => {
    const { status, body } = await connect();
    expect(status).toBe(201);
    id = body['id'] as string;
    expect(body).toMatchObject({
      provider: 'imap',
      memberId: member,
      address: dovecot.user,
      host: '127.0.0.1',
      state: 'connecting',
      backfillSince: '2020-01-01',
      capabilities: {
        mail: { state: 'connecting', stored: 0, expected: 0, lagSeconds: null, completeness: null },
      },
    });
    const row = await directoryRow(id);
    expect(row).toMatchObject({ wanted: 'run', generation: 1 });
    expect(row.watchShard).toBeGreaterThanOrEqual(0);
    expect(Buffer.from(row.credentials!).toString('latin1')).not.toContain('password');
    const mail = (body['capabilities'] as { mail: { workflowId: string; workflowUrl: string } })
      .mail;
    expect(mail.workflowUrl).toBe(
      `http://temporal.example/namespaces/default/workflows/${encodeURIComponent(mail.workflowId)}`,
    );
    const workflow = await new Client({ connection: temporal }).workflow
      .getHandle(mail.workflowId)
      .describe();
    expect(workflow.status.name).toBe('RUNNING');
  });

  it('is one per account: the same again names it', async () => {
    expect(await connect()).toMatchObject({
      status: 409,
      body: { code: 'duplicate-connection', connectionId: id },
    });
  });

  it('pauses, resumes and syncs', async () => {
    expect(await call('POST', `/v1/connections/${id}/pause`)).toMatchObject({
      status: 202,
      body: { id, state: 'paused', statusUrl: `/v1/connections/${id}` },
    });
    expect((await directoryRow(id)).wanted).toBe('paused');
    expect((await call('POST', `/v1/connections/${id}/resume`)).body['state']).toBe('connecting');
    expect((await directoryRow(id)).wanted).toBe('run');
    expect((await call('POST', `/v1/connections/${id}/sync`)).status).toBe(202);
    expect((await directoryRow(id)).generation).toBe(1);
  });

  it('resyncs in a new generation, with empty cursors', async () => {
    const uuid = parsePublicId('connection', id)!;
    await api.database.owner.sql`
      update sync_status set backfill_done_at = now() where connection_id = ${uuid}`;
    expect((await call('POST', `/v1/connections/${id}/resync`)).status).toBe(202);
    expect((await directoryRow(id)).generation).toBe(2);
    const view = await call('GET', `/v1/connections/${id}`);
    expect(view.body).toMatchObject({ capabilities: { mail: { backfillDone: false } } });
  });

  it('streams progress and state', async () => {
    const response = await api.app.request(`/v1/connections/${id}/events`, {
      headers: { Authorization: `Bearer ${tenant.key}` },
    });
    expect(response.headers.get('Content-Type')).toContain('text/event-stream');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = (await reader.read()).value!;
    expect(first).toMatch(/^event: connection\ndata: \{"id":"con_/);
    await call('POST', `/v1/connections/${id}/pause`);
    const second = (await reader.read()).value!;
    expect(second).toContain('"state":"paused"');
    await reader.cancel();
    await call('POST', `/v1/connections/${id}/resume`);
  });

  it('disconnects: credentials gone at once, data after seven days', async () => {
    expect(await call('DELETE', `/v1/connections/${id}`)).toMatchObject({
      status: 202,
      body: { state: 'disconnecting' },
    });
    expect(await directoryRow(id)).toMatchObject({
      wanted: 'disconnected',
      generation: 3,
      credentials: null,
    });
    const { body } = await call('GET', `/v1/connections/${id}`);
    const days = (Date.parse(String(body['eraseAfter'])) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThanOrEqual(7.01);
    for (const action of ['sync', 'pause', 'resume', 'resync']) {
      expect(await call('POST', `/v1/connections/${id}/${action}`)).toMatchObject({
        status: 409,
        body: { code: 'connection-disconnected' },
      });
    }
    expect((await call('DELETE', `/v1/connections/${id}`)).status).toBe(202);
    expect((await directoryRow(id)).generation).toBe(3);
  });

  it('is taken up again by its own member only, as the same row', async () => {
    const other = await tenant.member('Other');
    expect((await connect({ memberId: other })).body['code']).toBe('duplicate-connection');
    const again = await connect();
    expect(again).toMatchObject({
      status: 201,
      body: { id, state: 'connecting', eraseAfter: null },
    });
    const row = await directoryRow(id);
    expect(row).toMatchObject({ wanted: 'run', generation: 4 });
    expect(row.credentials).not.toBeNull();
  });

  it.each([
    ['keep', () => null],
    ['erase', () => Date.now()],
  ])('disconnects with data=%s', async (data, latest) => {
    await connect();
    expect((await call('DELETE', `/v1/connections/${id}?data=${data}`)).status).toBe(202);
    const eraseAfter = (await call('GET', `/v1/connections/${id}`)).body['eraseAfter'];
    const at = typeof eraseAfter === 'string' ? Date.parse(eraseAfter) : null;
    const late = latest();
    expect(at === null ? late === null : late !== null && at <= late).toBe(true);
  });

  it('leaves an unbroken trail of who did what', async () => {
    const rows = await api.database.owner.sql<{ action: string; actor: string }[]>`
      select action, actor from admin.audit_log where target like 'connection:%' order by seq`;
    expect(rows.map(({ action }) => action)).toEqual([
      ...['connection.connected', 'connection.paused', 'connection.resumed'],
      ...['connection.resynced', 'connection.paused', 'connection.resumed'],
      ...['connection.disconnected', 'connection.reconnected', 'connection.disconnected.keep'],
      ...['connection.reconnected', 'connection.disconnected.erase'],
    ]);
    for (const { actor } of rows) expect(actor).toMatch(/^key:[0-9a-f-]{36}$/);
  });
});

describe('without Temporal', () => {
  it('still connects: the row is what counts', async () => {
    const down = () => Promise.reject(new Error('No Temporal.'));
    const options = { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true };
    await using other = await createTestApi({
      imap: createImapProvider(options),
      workflows: { ensure: down, check: down },
    });
    const lone = await other.tenant('Lone');
    const memberId = await lone.member('Jane');
    const imap = {
      host: '127.0.0.1',
      port: dovecot.port,
      security: 'none',
      username: dovecot.user,
      password: dovecot.password,
    };
    const body = { provider: 'imap', memberId, capabilities: ['mail'], imap };
    const answer = await other.call('POST', '/v1/connections', { key: lone.key, body });
    expect(answer.status).toBe(201);
    expect(await other.call('GET', '/health/ready')).toMatchObject({
      status: 503,
      body: { status: 'failed', database: 'ok', temporal: 'failed' },
    });
  });
});
