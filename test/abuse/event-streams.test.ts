import { afterAll, beforeAll, expect, it } from 'vitest';
import { parsePublicId } from '../../domain/ids.ts';
import { createTestApi, type TestApi } from '../support/api.ts';
import { createMailWorld, type MailWorld } from '../support/mail-world.ts';

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi();
});
afterAll(() => api[Symbol.asyncDispose]());

interface Opened {
  key: string;
  member?: string;
}

/** How a stream is opened, and what then ends the right to read it. */
interface Ending {
  what: string;
  open(world: MailWorld): Promise<Opened>;
  end(world: MailWorld, opened: Opened): Promise<unknown>;
}

const makeKey = async ({ ours }: MailWorld) => {
  const made = await api.call('POST', '/v1/api-keys', { key: ours.key, body: {} });
  return { id: String(made.body['id']), key: String(made.body['key']) };
};

const makeToken = async ({ colleague }: MailWorld, key: string) => {
  const made = await api.call('POST', '/v1/member-tokens', { key, body: { memberId: colleague } });
  return String(made.body['token']);
};

const leave = async ({ ours, colleague }: MailWorld) =>
  await api.call('DELETE', `/v1/members/${colleague}`, { key: ours.key });

const owner = () => api.database.owner.sql;

let another: { id: string; key: string };

const endings: Ending[] = [
  {
    what: 'its token has expired',
    open: async (world) => ({ key: await makeToken(world, world.ours.key) }),
    end: async ({ ours }) =>
      await owner()`
      update directory.member_tokens set expires_at = now() where tenant_id = ${ours.uuid}`,
  },
  {
    what: 'the key that made its token was revoked',
    open: async (world) => {
      another = await makeKey(world);
      return { key: await makeToken(world, another.key) };
    },
    end: async ({ ours }) =>
      await api.call('DELETE', `/v1/api-keys/${another.id}`, { key: ours.key }),
  },
  {
    what: 'its key was revoked',
    open: async (world) => (another = await makeKey(world)),
    end: async ({ ours }) =>
      await api.call('DELETE', `/v1/api-keys/${another.id}`, { key: ours.key }),
  },
  {
    what: 'its key has lost the scope',
    open: async (world) => (another = await makeKey(world)),
    end: async () =>
      await owner()`
      update directory.api_keys set scopes = array['mail:read']
      where id = ${parsePublicId('apiKey', another.id)!}`,
  },
  {
    what: 'the member of its token has left',
    open: async (world) => ({ key: await makeToken(world, world.ours.key) }),
    end: leave,
  },
  {
    what: 'the member that its header names has left',
    open: async (world) => ({ key: world.ours.key, member: world.colleague }),
    end: leave,
  },
  {
    what: 'its tenant was suspended',
    open: async (world) => ({ key: world.ours.key }),
    end: async ({ ours }) =>
      await owner()`
      update directory.tenants set state = 'suspended' where id = ${ours.uuid}`,
  },
];

it.each(endings)(
  'abuse case 42: an event stream shows nothing more when $what',
  async ({ open, end }) => {
    const world = await createMailWorld(api);
    const opened = await open(world);
    const stream = await api.app.request(`/v1/connections/${world.connection}/events`, {
      headers: {
        Authorization: `Bearer ${opened.key}`,
        ...(opened.member && { 'Steward-Member': opened.member }),
      },
    });
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toContain('event: connection');
    const change = async (wanted: string) =>
      await owner()`
      update directory.connections set wanted = ${wanted} where id = ${world.connectionUuid}`;
    await change('paused');
    expect((await reader.read()).value).toContain('"state":"paused"');

    await end(world, opened);
    await change('run');
    expect(await reader.read()).toEqual({ done: true, value: undefined });
  },
);

it('abuse case 42: an event stream takes nothing from the allowance of its key', async () => {
  const small = await createTestApi({ limits: { requests: { burst: 10, perSecond: 1e-6 } } });
  try {
    const world = await createMailWorld(small);
    const stream = await small.app.request(`/v1/connections/${world.connection}/events`, {
      headers: { Authorization: `Bearer ${world.ours.key}` },
    });
    const remaining = Number(stream.headers.get('RateLimit-Remaining'));
    const reader = stream.body!.getReader();
    await reader.read();
    for (const wanted of ['paused', 'run']) {
      await small.database.owner.sql`
        update directory.connections set wanted = ${wanted} where id = ${world.connectionUuid}`;
      await reader.read();
    }
    const next = await small.call('GET', '/v1/members', { key: world.ours.key });
    expect(next.headers.get('RateLimit-Remaining')).toBe(String(remaining - 1));
    await reader.cancel();
  } finally {
    await small[Symbol.asyncDispose]();
  }
});
