import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { behaviours } from '../emulators/imap-hostile/behaviours.ts';
import { createHostileServer, hostileUser } from '../emulators/imap-hostile/server.ts';
import { createImapEmulator } from '../emulators/imap/server.ts';

const local = { allowedNetworks: ['127.0.0.0/8', '::1/128'], allowCleartext: true };
const fast = { failureLatencyMs: 0, openTimeoutMs: 2_000 };
const provider = createImapProvider(local, fast);
const strict = createImapProvider({ ...local, allowCleartext: false }, fast);
const { user: username, password } = hostileUser;

function accountAt(port: number, changes: object = {}) {
  return { host: 'localhost', port, security: 'none' as const, username, password, ...changes };
}

describe('a server without measure', () => {
  it.each([
    ['sends a line without end', 'read'],
    ['announces literals of two gigabytes and sends them', 'read'],
    ['has 50,000 folders', 'imap-too-many-folders'],
    ['lists folders without end', 'imap-too-many-folders'],
  ])('abuse case 8: one that %s is cut off with a reason', async (name, ends) => {
    const { script, ends: expected } = behaviours.find((each) => each.name === name)!;
    expect(expected).toBe(ends);
    await using server = await createHostileServer(script);
    const bytesBefore = process.memoryUsage.rss();
    const account = { key: `abuse/${server.port}`, imap: accountAt(server.port) };
    await using session = await provider.connect(account);
    const reasons = await reasonsOf(session);
    expect(reasons).toContain(ends === 'read' ? 'too-large' : ends);
    expect(process.memoryUsage.rss() - bytesBefore).toBeLessThan(200 * 1024 * 1024);
  });

  async function reasonsOf(
    session: Awaited<ReturnType<typeof provider.connect>>,
  ): Promise<unknown[]> {
    const found = await session.collections().catch((error: unknown) => error);
    if (!Array.isArray(found)) return [(found as { code?: string }).code];
    const collection = found.find(({ ref }) => ref === 'INBOX');
    const bounds = { itemsMax: 100, bytesMax: 1024 * 1024 };
    const reasons: string[] = [];
    const request = { collection, cursor: null, since: undefined, bounds };
    for await (const { failures } of session.history(request)) {
      reasons.push(...failures.map(({ reason }) => reason));
    }
    return reasons;
  }
});

describe('a server between us and the mailbox', () => {
  it('abuse case 9: plaintext behind STARTTLS ends the connection before any password', async () => {
    const commands: string[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.write('* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n');
      socket.on('data', (data) => {
        const [tag = '', ...words] = data.toString().trim().split(' ');
        commands.push(words.join(' '));
        const injected = words[0] === 'STARTTLS' ? '* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n' : '';
        socket.write(`* CAPABILITY IMAP4rev1 STARTTLS\r\n${tag} OK\r\n${injected}`);
      });
    });
    await new Promise<void>((done) => server.listen(0, 'localhost', done));
    const { port } = server.address() as { port: number };
    const tried = strict.verify(accountAt(port, { security: 'starttls' }));
    await expect(tried).rejects.toMatchObject({ code: 'imap-tls-failed' });
    expect(commands).toContain('STARTTLS');
    expect(commands.join()).not.toMatch(/LOGIN|AUTHENTICATE|secret/);
    server.close();
  });

  it('abuse case 10: STARTTLS that was stripped, or skipped by PREAUTH, gets no password', async () => {
    for (const script of [
      { capabilities: ['IMAP4rev1'] },
      behaviours.find(({ name }) => name.includes('PREAUTH'))!.script,
    ]) {
      await using server = await createHostileServer(script);
      const tried = strict.verify(accountAt(server.port, { security: 'starttls' }));
      await expect(tried).rejects.toMatchObject({ code: 'imap-tls-failed' });
      expect(server.commands.join()).not.toMatch(/LOGIN|AUTHENTICATE|secret/);
    }
  });

  it('abuse case 10: a connection without TLS is refused unless the operator allows it', async () => {
    await expect(strict.verify(accountAt(143))).rejects.toMatchObject({
      code: 'imap-cleartext-refused',
    });
  });
});

describe('a certificate that does not hold', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'steward-certificates-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  interface Certificate {
    key: Buffer;
    cert: Buffer;
  }
  const made: Record<'selfSigned' | 'expired' | 'otherHost', Certificate> = {} as never;

  beforeAll(() => {
    made.selfSigned = certificate('self', 'localhost', 2);
    made.otherHost = certificate('other', 'mail.example.org', 2);
    made.expired = certificate('expired', 'localhost', -1);
  });

  function certificate(name: string, host: string, days: number): Certificate {
    const file = (kind: string) => path.join(folder, `${name}.${kind}`);
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
    openssl(
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`],
      ...['-keyout', file('key'), '-out', file('request')],
    );
    openssl(
      ...['x509', '-req', '-in', file('request'), '-signkey', file('key'), '-days', String(days)],
      ...['-copy_extensions', 'copy', '-out', file('cert')],
    );
    return { key: readFileSync(file('key')), cert: readFileSync(file('cert')) };
  }

  it.each([
    ['self-signed', 'selfSigned', false, {}, 'self-signed'],
    ['for another host', 'otherHost', true, {}, 'another host name'],
    ['that has expired', 'expired', true, {}, 'expired'],
    [
      'behind a TLS that is too old',
      'selfSigned',
      true,
      { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
      'too old',
    ],
  ] as const)('abuse case 10: one %s is refused in words', async (...row) => {
    const [, which, trusted, version, words] = row;
    const server = createTlsServer({ ...made[which], ...version }, (socket) => {
      socket.on('error', () => socket.destroy());
      socket.write('* OK IMAP4rev1 ready\r\n');
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((done) => server.listen(0, 'localhost', done));
    const { port } = server.address() as { port: number };
    const authorities = trusted ? { extraAuthorities: [made[which].cert.toString()] } : {};
    const asked = createImapProvider({ ...local, ...authorities }, fast);
    await expect(asked.verify(accountAt(port, { security: 'tls' }))).rejects.toMatchObject({
      code: 'imap-tls-failed',
      message: expect.stringContaining(words),
    });
    server.close();
  });
});

describe('names and passwords that would end a command', () => {
  it.each([
    [{ username: 'jane\r\nA9 DELETE INBOX' }, 'imap-username-invalid'],
    [{ username: 'jane\u0000admin' }, 'imap-username-invalid'],
    [{ password: 'secret\r\nA9 DELETE INBOX' }, 'imap-password-invalid'],
    [{ password: 'secret\u0000' }, 'imap-password-invalid'],
    [{ password: undefined, accessToken: 'token\u0001auth=Bearer x' }, 'imap-password-invalid'],
  ])('abuse case 11: %j is refused before a socket is opened', async (changes, code) => {
    await using server = await createHostileServer({});
    const tried = provider.verify(accountAt(server.port, changes));
    await expect(tried).rejects.toMatchObject({ kind: 'invalid-request', code });
    expect(server.connections()).toBe(0);
  });

  it.each([
    'quote " and \\ backslash',
    'pässwörd 日本語 🔑',
    '{5}',
    '%*()',
    ' leading and trailing ',
    'tab\tand bell\u0007',
  ])('abuse case 11: the password %j arrives byte for byte, as one command', async (secret) => {
    for (const capabilities of [
      ['IMAP4rev1'],
      ['IMAP4rev1', 'LITERAL+'],
      ['IMAP4rev1', 'AUTH=PLAIN', 'LOGINDISABLED'],
      ['IMAP4rev1', 'AUTH=PLAIN', 'SASL-IR'],
    ]) {
      const server = await createImapEmulator({ users: { jane: secret }, capabilities });
      await provider.verify(accountAt(server.port, { username: 'jane', password: secret }));
      const logins = server.commands.filter((command) => /^(LOGIN|AUTHENTICATE)/.test(command));
      expect({ capabilities, logins: logins.length, faults: server.faults }).toEqual({
        capabilities,
        logins: 1,
        faults: [],
      });
      await server.close();
    }
  });

  it('abuse case 11: a folder that the server names with line ends is never asked for', async () => {
    const { script } = behaviours.find(({ name }) => name.includes('break out'))!;
    await using server = await createHostileServer(script);
    const account = { key: `abuse/${server.port}`, imap: accountAt(server.port) };
    await using session = await provider.connect(account);
    const listed = (await session.collections()).map(({ ref }) => ref);
    expect(listed).toContain('__proto__');
    expect(listed.filter((ref) => /\p{Cc}/u.test(ref))).toEqual([]);
    expect(server.commands.filter((command) => command.startsWith('DELETE'))).toEqual([]);
  });

  it('abuse case 11: a server that forbids LOGIN and offers nothing else hears no password', async () => {
    await using server = await createHostileServer({
      capabilities: ['IMAP4rev1', 'LOGINDISABLED'],
    });
    await expect(provider.verify(accountAt(server.port))).rejects.toMatchObject({
      kind: 'auth-revoked',
    });
    expect(server.commands.join()).not.toContain('secret');
  });
});
