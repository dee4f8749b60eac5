import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApi, type TestApi } from '../support/api.ts';
import { createMailWorld, markers, type MailWorld } from '../support/mail-world.ts';

let api: TestApi;
let world: MailWorld;

beforeAll(async () => {
  api = await createTestApi();
  world = await createMailWorld(api);
});
afterAll(() => api[Symbol.asyncDispose]());

const ask = async (path: string, body?: unknown) =>
  await api.call(body === undefined ? 'GET' : 'POST', path, {
    key: world.ours.key,
    member: world.owner,
    ...(body !== undefined && { body }),
  });

describe('health', () => {
  it('tells alive from ready', async () => {
    expect(await api.call('GET', '/health/live')).toMatchObject({
      status: 200,
      body: { status: 'ok' },
    });
    expect(await api.call('GET', '/health/ready')).toMatchObject({
      status: 200,
      body: { status: 'ok', database: 'ok', temporal: 'ok' },
    });
  });
});

describe('the sandbox', () => {
  it('is told apart without a key; this is none', async () => {
    expect(await api.call('GET', '/v1/sandbox')).toMatchObject({
      status: 200,
      body: { sandbox: false, sample: null },
    });
  });
});

describe('metrics', () => {
  it('count requests by route pattern and sum up the connections, naming nobody', async () => {
    await ask(`/v1/messages/${world.untracked}`);
    const { body, headers } = await api.call('GET', '/metrics');
    const text = String(body['text']);
    expect(headers.get('Content-Type')).toContain('text/plain');
    expect(text).toContain('steward_connections{state="connecting"} 1');
    expect(text).toContain('steward_messages_stored 2');
    expect(text).toContain('steward_skips 1');
    expect(text).toMatch(/method="GET",route="\/v1\/messages\/:id",status="200"\} \d/);
    expect(text).not.toContain(world.untracked);
    expect(text).not.toContain(world.ours.uuid);
  });
});

describe('the log', () => {
  it('has one line a request: pattern, status, time and ids, and no personal data', async () => {
    api.logLines.length = 0;
    const planted = encodeURIComponent(markers.sender);
    const injected = '%0a%7b%22level%22%3a%22forged%22%7d';
    await ask(`/v1/messages/${world.untracked}`);
    await ask(`/v1/messages/${world.untracked}/body`);
    await ask(`/v1/messages?address=${planted}`);
    await ask(`/v1/${planted}`);
    await ask(`/v1/messages/${injected}`);
    await ask('/v1/members', { name: markers.subject, email: markers.account });
    const account = { host: 'h.invalid', port: 993, security: 'tls', username: markers.account };
    await ask('/v1/connections', {
      provider: 'imap',
      memberId: world.owner,
      capabilities: ['mail'],
      imap: { ...account, password: markers.password },
    });
    await api.call('GET', '/v1/messages', { key: markers.password, member: markers.subject });

    expect(api.logLines.length).toBeGreaterThanOrEqual(8);
    const log = api.logLines.join('');
    for (const marker of Object.values(markers)) expect(log).not.toContain(marker);
    expect(log).not.toContain(planted);
    expect(log).not.toContain('forged');
    expect(log).not.toContain(world.ours.key);
    const lines = api.logLines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({
      method: 'GET',
      route: '/v1/messages/:id',
      status: 200,
      ms: expect.any(Number),
      requestId: expect.stringMatching(/^req_[0-9a-f]{32}$/),
      tenantId: world.ours.uuid,
      keyId: expect.any(String),
    });
    expect(lines.some(({ route }) => route === 'unmatched')).toBe(true);
  });

  it('would show a marker that is logged: the positive control', () => {
    api.deps.log.info(`planted ${markers.subject}`);
    expect(api.logLines.join('')).toContain(markers.subject);
  });
});

describe('what is shown of a message', () => {
  it('has the fields that lists promise', async () => {
    const { body } = await ask('/v1/messages?limit=200');
    const message = body.data.find(({ id }) => id === world.untracked);
    expect(message).toEqual({
      id: world.untracked,
      connectionId: world.connection,
      threadId: world.untrackedThread,
      folders: [{ id: world.folder, name: markers.folder, uid: 1 }],
      subject: markers.subject,
      from: [{ name: '', address: markers.sender }],
      to: [{ name: '', address: 'me@example.org' }],
      cc: [],
      messageId: '<1@example.org>',
      sentAt: '2026-01-01T00:00:01.000Z',
      receivedAt: '2026-01-01T00:00:01.000Z',
      size: 1000,
      read: true,
      flagged: true,
      labels: [markers.keyword],
      direction: 'inbound',
      tracked: false,
      hasAttachments: false,
      pending: false,
      refused: [],
    });
  });

  it('has all headers in order, decoded', async () => {
    const { body } = await ask(`/v1/messages/${world.untracked}`);
    expect(body['headers']).toEqual([
      { name: 'Subject', value: markers.subject },
      { name: 'X-Test', value: 'one' },
      { name: 'X-Test', value: 'zwölf' },
    ]);
  });

  it.each([
    ['after=2026-01-01T00:00:02Z', 1],
    ['before=2026-01-01T00:00:02Z', 1],
    ['after=2026-01-01T01:00:02%2B01:00', 1],
    ['tracked=true', 1],
    ['address=ME@EXAMPLE.ORG', 2],
    ['address=nobody@example.org', 0],
  ])('is filtered by %s', async (query, count) => {
    expect((await ask(`/v1/messages?${query}`)).body.data).toHaveLength(count);
  });

  it('lists skips with their reason', async () => {
    const { body } = await ask(`/v1/connections/${world.connection}/skips`);
    expect(body.data).toMatchObject([
      { id: world.skip, folderId: world.folder, uid: 3, reason: 'undecodable', strikes: 3 },
    ]);
  });
});
