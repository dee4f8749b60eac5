import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodyBytesMax } from '../../api/app.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createTestApi, type Answer, type TestApi, type TestTenant } from '../support/api.ts';
import { startDovecot, type Dovecot } from '../support/dovecot.ts';

let api: TestApi;
let dovecot: Dovecot;
let tenant: TestTenant;
let member: string;
let silent: { server: Server; port: number };

beforeAll(async () => {
  dovecot = await startDovecot();
  const options = { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true };
  api = await createTestApi({ imap: createImapProvider(options, { failureLatencyMs: 50 }) });
  tenant = await api.tenant('Bad input');
  member = await tenant.member('Jane');
  silent = await serveNonsense();
});
afterAll(async () => {
  silent.server.close();
  await api[Symbol.asyncDispose]();
  await dovecot.stop();
});

/** A server that is there and speaks no IMAP. */
async function serveNonsense(): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n'));
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return { server, port: address.port };
}

const account = (changes: object = {}) => ({
  host: '127.0.0.1',
  port: dovecot.port,
  security: 'none',
  username: dovecot.user,
  password: dovecot.password,
  ...changes,
});

const connect = async (imap: object, changes: object = {}): Promise<Answer> =>
  await api.call('POST', '/v1/connections', {
    key: tenant.key,
    body: { provider: 'imap', memberId: member, capabilities: ['mail'], imap, ...changes },
  });

/** Rows that a connection consists of, as the superuser sees them. */
async function connectionRows(): Promise<number> {
  const [row] = await api.database.owner.sql<{ count: number }[]>`
    select ((select count(*) from connections) + (select count(*) from directory.connections)
      + (select count(*) from sync_status))::int as count`;
  return row!.count;
}

/** What every refusal has to carry, whatever its code. */
function problemOf({ status, headers, body }: Answer) {
  return {
    status: [status, body['status']],
    code: body['code'],
    type: body['type'],
    contentType: headers.get('Content-Type'),
    hasOurId: headers.get('X-Request-Id') === body['requestId'],
    hasSentence: String(body['detail']).length > 15,
  };
}

const refused = (status: number, code: string) => ({
  status: [status, status],
  code,
  type: `urn:steward:problem:${code}`,
  contentType: 'application/problem+json',
  hasOurId: true,
  hasSentence: true,
});

describe('connecting with bad input creates nothing', () => {
  it.each([
    ['a port where nobody listens', () => account({ port: 1 }), 'imap-unreachable'],
    ['a server that is none', () => account({ port: silent.port }), 'imap-unreachable'],
    ['a host that does not exist', () => account({ host: 'no.invalid' }), 'imap-unreachable'],
    [
      'a certificate that does not hold',
      () => account({ port: dovecot.tlsPort, security: 'tls' }),
      'imap-tls-failed',
    ],
    ['a wrong password', () => account({ password: 'wrong' }), 'imap-login-failed'],
    ['a blocked address', () => account({ host: '10.0.0.1' }), 'imap-address-blocked'],
    ['a metadata address', () => account({ host: '169.254.169.254' }), 'imap-address-blocked'],
  ])('%s', async (_what, imap, code) => {
    const answer = await connect(imap());
    expect(problemOf(answer)).toEqual(refused(422, code));
    expect(answer.body).toMatchObject({ provider: 'imap', providerStatus: code });
    expect(await connectionRows()).toBe(0);
  });

  it('an unknown member', async () => {
    const memberId = `mbr_${'0'.repeat(32)}`;
    expect(problemOf(await connect(account(), { memberId }))).toEqual(
      refused(404, 'unknown-member'),
    );
    expect(await connectionRows()).toBe(0);
  });

  it.each([
    ['another kind of id', { memberId: `con_${'0'.repeat(32)}` }, 'memberId'],
    ['a capability that IMAP lacks', { capabilities: ['mail', 'calendar'] }, 'capabilities.1'],
    ['another provider', { provider: 'google' }, 'provider'],
    ['a date that is none', { backfillSince: '2026-02-30' }, 'backfillSince'],
    ['a date before all years', { backfillSince: '0000-01-01' }, 'backfillSince'],
    ['folders of the wrong shape', { excludedFolders: ['Spam'] }, 'excludedFolders.0'],
    ['the tenant', { tenant_id: 'x' }, 'tenant_id'],
    ['tracking', { tracked: true }, 'tracked'],
    ['a role', { role: 'owner' }, 'role'],
  ])('%s', async (_what, changes, field) => {
    const answer = await connect(account(), changes);
    expect(problemOf(answer)).toEqual(refused(400, 'invalid-request'));
    expect(answer.body['errors']).toContainEqual(expect.objectContaining({ field }));
    expect(await connectionRows()).toBe(0);
  });

  it.each([
    [{ port: 0 }, 'imap.port'],
    [{ port: '993' }, 'imap.port'],
    [{ security: 'ssl' }, 'imap.security'],
    [{ host: '' }, 'imap.host'],
    [{ username: 'a\r\nb' }, 'imap.username'],
    [{ password: undefined }, 'imap.password'],
    [{ accessToken: 'as well' }, 'imap.password'],
    [{ admin: true }, 'imap.admin'],
  ])('%j', async (changes, field) => {
    const answer = await connect(account(changes));
    expect(problemOf(answer)).toEqual(refused(400, 'invalid-request'));
    expect(answer.body['errors']).toContainEqual(expect.objectContaining({ field }));
  });
});

describe('any route', () => {
  const call = async (method: string, path: string, options: object = {}) =>
    await api.call(method, path, { key: tenant.key, ...options });

  it('refuses an oversized body, with and without a stated length', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(bodyBytesMax) });
    expect(problemOf(await call('POST', '/v1/members', { body }))).toEqual(
      refused(413, 'payload-too-large'),
    );
    const headers = { 'Content-Length': '1' };
    const lying = await call('POST', '/v1/members', { body, headers });
    expect(lying.status).toBeGreaterThanOrEqual(400);
  });

  it('refuses JSON that is none, and bodies of another type', async () => {
    expect(problemOf(await call('POST', '/v1/members', { body: '{' }))).toEqual(
      refused(400, 'invalid-request'),
    );
    const headers = { 'Content-Type': 'text/plain' };
    const text = await call('POST', '/v1/members', { body: '{}', headers });
    expect(problemOf(text)).toEqual(refused(415, 'unsupported-media-type'));
    expect(problemOf(await call('POST', '/v1/members'))).toEqual(refused(400, 'invalid-request'));
  });

  it.each([undefined, 'stw_wrong', 'op_wrong', 'x'.repeat(5_000)])(
    'refuses the key %j',
    async (key) => {
      expect(problemOf(await api.call('GET', '/v1/members', { key }))).toEqual(
        refused(401, 'unauthorized'),
      );
      expect(problemOf(await api.call('GET', '/v1/admin/tenants', { key }))).toEqual(
        refused(401, 'unauthorized'),
      );
    },
  );

  it('asks for the member, and for one that exists', async () => {
    for (const path of ['/v1/messages', '/v1/threads', '/v1/folders']) {
      expect(problemOf(await call('GET', path))).toEqual(refused(400, 'member-required'));
    }
    for (const unknown of ['someone', `mbr_${'1'.repeat(32)}`]) {
      const answer = await call('GET', '/v1/messages', { member: unknown });
      expect(problemOf(answer)).toEqual(refused(404, 'unknown-member'));
    }
  });

  it('ends the access of a member who left', async () => {
    const gone = await tenant.member('Gone');
    expect((await call('GET', '/v1/messages', { member: gone })).status).toBe(200);
    await api.database.owner.sql`
      update members set left_at = now() where replace(id::text, '-', '') = ${gone.slice(4)}`;
    const answer = await call('GET', '/v1/messages', { member: gone });
    expect(problemOf(answer)).toEqual(refused(404, 'unknown-member'));
  });

  it('tells an unknown path from an unknown method', async () => {
    expect(problemOf(await call('GET', '/v1/nothing'))).toEqual(refused(404, 'not-found'));
    expect(problemOf(await call('GET', '/nothing'))).toEqual(refused(404, 'not-found'));
    const answer = await call('DELETE', '/v1/members');
    expect(problemOf(answer)).toEqual(refused(405, 'method-not-allowed'));
    expect(answer.headers.get('Allow')).toBe('POST, GET');
  });

  it.each(['con_1', 'x', '%00', `msg_${'0'.repeat(32)}`, `con_${'g'.repeat(32)}`, 'x'.repeat(99)])(
    'answers 404 or 400 to the id %j',
    async (id) => {
      expect([400, 404]).toContain((await call('GET', `/v1/connections/${id}`)).status);
    },
  );

  it.each([
    ['tracked=maybe', 'tracked'],
    ['after=yesterday', 'after'],
    ['after=0000-01-01T00:00:00Z', 'after'],
    ['before=0001-01-01T00:00:00%2B14:00', 'before'],
    ['after=9999-12-31T23:59:59-14:00', 'after'],
    ['folder=fld_1', 'folder'],
    ['contact=ctc_1', 'contact'],
    ['tenant_id=1', 'tenant_id'],
  ])('refuses /v1/messages?%s', async (query, field) => {
    const answer = await call('GET', `/v1/messages?${query}`, { member });
    expect(problemOf(answer)).toEqual(refused(400, 'invalid-request'));
    expect(answer.body['errors']).toContainEqual(expect.objectContaining({ field }));
  });

  it('lets a member create nobody above their own role', async () => {
    const body = { name: 'Boss', email: 'boss@members.example', role: 'owner' };
    expect(problemOf(await call('POST', '/v1/members', { body, member }))).toEqual(
      refused(403, 'forbidden'),
    );
    const plain = { ...body, tenant_id: 'x' };
    expect(problemOf(await call('POST', '/v1/members', { body: plain }))).toEqual(
      refused(400, 'invalid-request'),
    );
  });

  it('shows markup as data, never as markup', async () => {
    const name = '<img src=x onerror=alert(1)>';
    const body = { name, email: 'html@members.example' };
    const answer = await call('POST', '/v1/members', { body });
    expect(answer).toMatchObject({ status: 201, body: { name } });
    expect(answer.headers.get('Content-Type')).toContain('application/json');
    expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff');
  });
});
