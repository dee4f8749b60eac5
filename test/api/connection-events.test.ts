import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../../api/app.ts';
import { createTestApi, type TestApi, type TestTenant } from '../support/api.ts';
import { waitFor } from '../support/wait-for.ts';

/** As many as a tenant may have open. */
const streamsMax = 50;

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi({
    imap: { verify: () => Promise.resolve() },
    workflows: { ensure: () => Promise.resolve(), check: () => Promise.resolve() },
  });
});
afterAll(() => api[Symbol.asyncDispose]());

interface Watched {
  tenant: TestTenant;
  path: string;
}

async function connect(name: string): Promise<Watched> {
  const tenant = await api.tenant(name);
  const imap = {
    ...{ host: 'imap.example.org', port: 993, security: 'tls' },
    ...{ username: `${name}@example.org`, password: 'secret' },
  };
  const memberId = await tenant.member(name);
  const body = { provider: 'imap', memberId, capabilities: ['mail'], imap };
  const made = await api.call('POST', '/v1/connections', { key: tenant.key, body });
  expect(made.status).toBe(201);
  return { tenant, path: `/v1/connections/${String(made.body['id'])}` };
}

/** Changes what the stream shows. */
const act = async ({ tenant, path }: Watched, action: 'pause' | 'resume') => {
  const answer = await api.call('POST', `${path}/${action}`, { key: tenant.key });
  expect(answer.status).toBeLessThan(300);
};

const open = async ({ tenant, path }: Watched, method = 'GET', app = api.app) =>
  await app.request(`${path}/events`, {
    method,
    headers: { Authorization: `Bearer ${tenant.key}` },
  });

describe('the slots of a tenant’s event streams', () => {
  it('are not taken by HEAD, which nobody reads', async () => {
    const watched = await connect('heads');
    for (let asked = 0; asked <= streamsMax; asked += 1) {
      const head = await open(watched, 'HEAD');
      expect(head.status).toBe(200);
      expect(head.headers.get('Content-Type')).toBe('text/event-stream');
    }
    const stream = await open(watched);
    expect(stream.status).toBe(200);
    await stream.body?.cancel();
  });

  it('come back from clients that read no more, when their time is over', async () => {
    const closing = new AbortController();
    const app = createApi(api.deps, closing.signal);
    const [unread, read] = [await connect('unread'), await connect('read')];
    for (let opened = 0; opened < streamsMax; opened += 1) {
      expect((await open(unread, 'GET', app)).status).toBe(200);
    }
    const refused = await open(unread, 'GET', app);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('Retry-After')).toBe('15');
    const stream = await open(read, 'GET', app);
    const reader = stream.body!.getReader();
    await reader.read();
    // What is changed first is written to all of them by the time that the second change is shown.
    for (const action of ['pause', 'resume'] as const) {
      await Promise.all([act(unread, action), act(read, action)]);
      await reader.read();
    }
    closing.abort();
    await waitFor(async () => (await open(unread, 'GET', app)).status === 200, { what: 'a slot' });
    await reader.cancel();
  });
});
