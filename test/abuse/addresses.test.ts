import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAddressGuard } from '../../providers/imap/address-guard.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createTestApi, type Answer, type TestApi, type TestTenant } from '../support/api.ts';

/** Two seconds, as members and port scanners get them. */
const leastMs = 2_000;

const names: Record<string, string[]> = {
  'two.example.org': ['93.184.216.34', '127.0.0.1'],
  'metadata.example.org': ['169.254.169.254'],
  'local.example.org': ['127.0.0.1'],
};
const resolve = async (host: string): Promise<string[]> => names[host] ?? ['127.0.0.1'];

let api: TestApi;
let tenant: TestTenant;
let memberId: string;
let listener: { server: Server; port: number; sockets: number };

beforeAll(async () => {
  const imap = createImapProvider(
    { allowedNetworks: [], allowCleartext: true, resolve },
    { failureLatencyMs: 0 },
  );
  api = await createTestApi({ imap, limits: { connects: { burst: 1_000, perSecond: 1_000 } } });
  tenant = await api.tenant('Scanner');
  memberId = await tenant.member('Mallory');
  listener = await listen();
});
afterAll(async () => {
  listener.server.close();
  await api[Symbol.asyncDispose]();
});

/** Whoever is connected to is counted. */
async function listen() {
  const counted = { server: createServer(), port: 0, sockets: 0 };
  counted.server.on('connection', (socket) => {
    counted.sockets += 1;
    socket.on('error', () => socket.destroy());
    socket.end('* OK IMAP4rev1 ready\r\n');
  });
  await new Promise<void>((done) => counted.server.listen(0, '0.0.0.0', done));
  const address = counted.server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  counted.port = address.port;
  return counted;
}

async function connect(host: string, port: number, target: TestApi = api): Promise<Answer> {
  const login = { security: 'none', username: 'mallory', password: 'secret' };
  const imap = { host, port, ...login };
  const body = { provider: 'imap', memberId, capabilities: ['mail'], imap };
  return await target.call('POST', '/v1/connections', { key: tenant.key, body });
}

const blocked = { status: 422, body: { code: 'imap-address-blocked' } };

describe('a host that is not a public mail server', () => {
  it.each(['127.0.0.1', 'localhost', 'localhost.', '0.0.0.0', 'LocalHost', '127.1.2.3'])(
    'abuse case 1: %s is refused, and no socket opened',
    async (host) => {
      expect(await connect(host, listener.port)).toMatchObject(blocked);
      expect(await connect(host, 143)).toMatchObject(blocked);
      expect(listener.sockets).toBe(0);
    },
  );

  it.each(['169.254.169.254', 'metadata.google.internal', 'metadata.example.org'])(
    'abuse case 2: %s is refused, even where the operator allows every network',
    async (host) => {
      expect(await connect(host, 143)).toMatchObject(blocked);
      const widest = createAddressGuard({ allowedNetworks: ['0.0.0.0/0', '::/0'], resolve });
      await expect(widest.check(host, 143)).rejects.toMatchObject({ code: 'imap-address-blocked' });
    },
  );

  it.each([
    ...['::ffff:127.0.0.1', '[::1]', '::1', '2002:0a00:0001::', '64:ff9b::7f00:1', '::127.0.0.1'],
    ...['2001:0:4136:e378:8000:63bf:3fff:fdd2', '2130706433', '0x7f000001', '017700000001'],
    ...['127.1', '0177.0.0.1', '127.0.0.1%lo', 'fe80::1%eth0', '①②⑦.0.0.1', '127。0。0。1'],
  ])('abuse case 3: the spelling %s is refused, and no socket opened', async (host) => {
    expect(await connect(host, 143)).toMatchObject(blocked);
    expect(listener.sockets).toBe(0);
  });

  it('abuse case 4: a name with a public and a private address is refused', async () => {
    expect(await connect('two.example.org', 143)).toMatchObject(blocked);
  });

  it('abuse case 5: a name that turns inwards after the check leads nowhere', async () => {
    let asked = 0;
    const rebinding = createImapProvider(
      {
        allowedNetworks: [],
        allowCleartext: true,
        resolve: async () => (asked++ === 0 ? ['192.0.2.1'] : ['127.0.0.1']),
      },
      { failureLatencyMs: 0 },
    );
    const account = { host: 'rebind.example.org', port: listener.port, security: 'none' as const };
    const login = { username: 'mallory', password: 'secret' };
    for (let i = 0; i < 2; i += 1) {
      const tried = rebinding.verify({ ...account, ...login });
      await expect(tried).rejects.toMatchObject({ code: 'imap-address-blocked' });
    }
    expect({ asked, sockets: listener.sockets }).toEqual({ asked: 2, sockets: 0 });
  });

  it.each([22, 25, 80, 110, 465, 587, 5432, 6379])(
    'abuse case 6: port %i at a public address is refused',
    async (port) => {
      expect(await connect('93.184.216.34', port)).toMatchObject(blocked);
    },
  );
});

describe('a network that the operator allows', () => {
  it('abuse case 6: a service that greets as something else is no IMAP server', async () => {
    const greetings = [
      'SSH-2.0-OpenSSH_9.9\r\n',
      '220 mx ESMTP\r\n',
      '-ERR unknown\r\n',
      '+OK\r\n',
    ];
    for (const greeting of greetings) {
      const server = createServer((socket) => socket.end(greeting));
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      const { port } = server.address() as { port: number };
      const provider = createImapProvider(
        { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true },
        { failureLatencyMs: 0 },
      );
      const login = { security: 'none' as const, username: 'mallory', password: 'secret' };
      const tried = provider.verify({ host: '127.0.0.1', port, ...login });
      await expect(tried).rejects.toMatchObject({ code: 'imap-unreachable' });
      server.close();
    }
  });

  it('abuse case 7: closed, silent and foreign ports and unknown names answer alike, not fast', async () => {
    const silent = createServer(() => undefined);
    const web = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    for (const server of [silent, web]) {
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    }
    const portOf = (server: Server) => (server.address() as { port: number }).port;
    const imap = createImapProvider(
      { allowedNetworks: ['127.0.0.0/8'], allowCleartext: true },
      { greetingTimeoutMs: 1_000 },
    );
    api.deps.imap = imap;
    const ports = [1, portOf(silent), portOf(web)];
    const tries = [
      ...ports.map((port) => ['127.0.0.1', port] as const),
      ['no-such-host.invalid', 143] as const,
    ];
    const answers = await Promise.all(
      tries.map(async ([host, port]) => {
        const startedAt = performance.now();
        const { status, body } = await connect(host, port);
        const { requestId, ...rest } = body;
        expect(requestId).toBeDefined();
        expect(performance.now() - startedAt).toBeGreaterThanOrEqual(leastMs - 5);
        return JSON.stringify({ status, rest });
      }),
    );
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain('imap-unreachable');
    for (const server of [silent, web]) server.close();
  });

  it('abuse case 7: tries are limited per tenant, whoever of its keys asks', async () => {
    await using strict = await createTestApi({
      imap: createImapProvider(
        { allowedNetworks: [], allowCleartext: true },
        { failureLatencyMs: 0 },
      ),
      limits: { connects: { burst: 3, perSecond: 0.01 } },
    });
    const scanner = await strict.tenant('Scanner');
    const member = await scanner.member('Mallory');
    const scan = async (port: number) => {
      const login = { security: 'none', username: 'mallory', password: 'secret' };
      const body = { provider: 'imap', memberId: member, capabilities: ['mail'] };
      const imap = { host: '10.0.0.1', port, ...login };
      return await strict.call('POST', '/v1/connections', {
        key: scanner.key,
        body: { ...body, imap },
      });
    };
    const answers = [];
    for (const port of [1, 2, 3, 4, 5]) answers.push(await scan(port));
    expect(answers.map(({ status }) => status)).toEqual([422, 422, 422, 429, 429]);
    expect(Number(answers[3]!.headers.get('Retry-After'))).toBeGreaterThan(0);
  });
});
