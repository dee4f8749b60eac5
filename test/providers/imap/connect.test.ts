import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderFailure } from '../../../domain/failure.ts';
import { createImapProvider } from '../../../providers/imap/provider.ts';
import { startDovecot, type Dovecot } from '../../support/dovecot.ts';
import { accountAt, localProvider, scriptServer } from './support.ts';

const fast = { failureLatencyMs: 0, greetingTimeoutMs: 300, connectionTimeoutMs: 2_000 };
let dovecot: Dovecot;

beforeAll(async () => {
  dovecot = await startDovecot();
});
afterAll(() => dovecot.stop());

/** An account at the real server, changed in one place. */
function account(change: object = {}) {
  return { ...accountAt(dovecot, dovecot.password).imap, ...change };
}

describe('what the member reads', () => {
  const provider = localProvider(fast);

  test('a right login is accepted', async () => {
    await expect(provider.verify(account())).resolves.toBeUndefined();
  });

  test('a wrong password', async () => {
    await expect(provider.verify(account({ password: 'wrong' }))).rejects.toMatchObject({
      kind: 'auth-revoked',
      code: 'imap-login-failed',
    });
  });

  test('a token is sent the way the server wants it, and a refused one asks for a new consent', async () => {
    const sent: string[] = [];
    await using server = await scriptServer((tag, command) => {
      if (command === 'CAPABILITY') {
        return `* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\n${tag} OK\r\n`;
      }
      const [, token] = /^AUTHENTICATE XOAUTH2 (.*)$/.exec(command) ?? [];
      if (token === undefined) return undefined;
      sent.push(Buffer.from(token, 'base64').toString());
      return sent.length === 1 ? `${tag} OK\r\n` : `${tag} NO expired\r\n`;
    });
    const { password: _, ...imap } = { ...accountAt(server).imap, accessToken: 'ya29.token' };
    await provider.verify(imap);
    expect(sent).toEqual(['user=jane@example.com\u0001auth=Bearer ya29.token\u0001\u0001']);
    await expect(provider.verify(imap)).rejects.toMatchObject({ kind: 'auth-revoked' });
  });

  test('a server that knows no way to log in with what there is', async () => {
    await using server = await scriptServer(() => undefined);
    const imap = { ...accountAt(server).imap, accessToken: 'ya29.token' };
    await expect(provider.verify(imap)).rejects.toMatchObject({ kind: 'auth-revoked' });
  });

  test('a server that counts connections is left alone for a while', async () => {
    await using server = await scriptServer((tag, command) =>
      command.startsWith('LOGIN')
        ? `${tag} NO [ALERT] Too many simultaneous connections. (Failure)\r\n`
        : undefined,
    );
    await expect(provider.verify(accountAt(server).imap)).rejects.toMatchObject({
      kind: 'rate-limited',
      retryAt: expect.any(Date),
    });
  });

  test('a login that fails for the server’s own reasons is no verdict on the password', async () => {
    await using server = await scriptServer((tag, command) =>
      command.startsWith('LOGIN') ? `${tag} NO [UNAVAILABLE] try later\r\n` : undefined,
    );
    const failure = provider.verify(accountAt(server).imap);
    await expect(failure).rejects.toMatchObject({ kind: 'provider-down' });
  });

  test('a user name that would end the command', async () => {
    await expect(provider.verify(account({ username: 'a\r\nb' }))).rejects.toMatchObject({
      code: 'imap-username-invalid',
    });
  });

  test('a closed port, another service and an unknown host all read the same', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const silentPort = typeof address === 'object' ? address!.port : 0;
    await using ssh = await scriptServer(() => '', 'SSH-2.0-OpenSSH_9.9\r\n');
    await using web = await scriptServer(() => 'HTTP/1.1 400 Bad Request\r\n\r\n', '');
    const messages = new Set<string>();
    for (const change of [
      { port: 1 },
      { port: silentPort },
      { port: ssh.port },
      { port: web.port },
      { host: 'no-such-host.invalid' },
      { security: 'tls' },
      { security: 'tls', port: ssh.port },
    ]) {
      const failure: unknown = await provider.verify(account(change)).catch((error) => error);
      expect({ change, failure }).toMatchObject({ change, failure: { code: 'imap-unreachable' } });
      messages.add((failure as Error).message);
    }
    expect(messages.size).toBe(1);
    silent.close();
  });

  test('a server that is full says so in its greeting', async () => {
    await using full = await scriptServer(() => '', '* BYE too many connections\r\n');
    await expect(provider.verify(accountAt(full).imap)).rejects.toMatchObject({
      kind: 'provider-down',
      code: 'imap-connection-lost',
    });
  });

  test('a failure takes its time, however early it is known', async () => {
    const slow = localProvider({ ...fast, failureLatencyMs: 300 });
    const startedAt = performance.now();
    await expect(slow.verify(account({ port: 1 }))).rejects.toBeInstanceOf(ProviderFailure);
    await expect(slow.verify(account({ host: '10.0.0.1' }))).rejects.toBeInstanceOf(
      ProviderFailure,
    );
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(590);
  });

  test('a caller that gives up is answered like one whom nobody answers', async () => {
    await using silent = await scriptServer(() => '', '');
    const signal = AbortSignal.timeout(50);
    const startedAt = performance.now();
    const failure = provider.verify(accountAt(silent).imap, signal);
    await expect(failure).rejects.toMatchObject({ code: 'imap-unreachable' });
    expect(performance.now() - startedAt).toBeLessThan(290);
  });

  test('no failure carries what the server or the library said', async () => {
    await using chatty = await scriptServer((tag, command) =>
      command.startsWith('LOGIN') ? `${tag} NO jane@example.com is unknown here\r\n` : undefined,
    );
    const failure = await provider.verify(accountAt(chatty).imap).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'imap-login-failed' });
    const { message, cause } = failure as Error;
    expect(`${message} ${String(cause)} ${JSON.stringify(failure)}`).not.toContain('jane');
    expect(Object.keys(cause as object)).toEqual([]);
  });
});

describe('TLS', () => {
  const tls = { security: 'tls', host: 'localhost' };
  const trusting = () =>
    createImapProvider(
      {
        allowedNetworks: ['127.0.0.0/8', '::1/128'],
        allowCleartext: false,
        extraAuthorities: [readFileSync(dovecot.certificate, 'utf8')],
      },
      fast,
    );
  const strict = createImapProvider(
    { allowedNetworks: ['127.0.0.0/8', '::1/128'], allowCleartext: false },
    fast,
  );

  test('a certificate that nobody vouches for, with both ways into TLS', async () => {
    for (const change of [
      { ...tls, port: dovecot.tlsPort },
      { security: 'starttls', host: 'localhost' },
    ]) {
      await expect(strict.verify(account(change))).rejects.toMatchObject({
        code: 'imap-tls-failed',
        message: expect.stringContaining('self-signed'),
      });
    }
  });

  test('a certificate for another name', async () => {
    const change = { security: 'tls', host: '127.0.0.1', port: dovecot.tlsPort };
    await expect(trusting().verify(account(change))).rejects.toMatchObject({
      code: 'imap-tls-failed',
      message: expect.stringContaining('another host name'),
    });
  });

  test('a certificate that the operator trusts, with both ways into TLS', async () => {
    const direct = trusting().verify(account({ ...tls, port: dovecot.tlsPort }));
    await expect(direct).resolves.toBeUndefined();
    const upgraded = trusting().verify(account({ security: 'starttls', host: 'localhost' }));
    await expect(upgraded).resolves.toBeUndefined();
  });

  test('a server without STARTTLS gets no password', async () => {
    await using plain = await scriptServer(() => undefined);
    const asked = { ...accountAt(plain).imap, security: 'starttls' as const };
    await expect(strict.verify(asked)).rejects.toMatchObject({ code: 'imap-tls-failed' });
    expect(plain.commands.join()).not.toContain('secret');
  });

  test('plaintext smuggled in behind STARTTLS ends the connection', async () => {
    await using server = await scriptServer((tag, command) => {
      if (command === 'CAPABILITY') return `* CAPABILITY IMAP4rev1 STARTTLS\r\n${tag} OK\r\n`;
      return command === 'STARTTLS' ? `${tag} OK go\r\n* OK injected\r\n` : undefined;
    });
    const asked = { ...accountAt(server).imap, security: 'starttls' as const };
    await expect(strict.verify(asked)).rejects.toMatchObject({ code: 'imap-tls-failed' });
    expect(server.commands.join()).not.toContain('secret');
  });

  test('a connection without TLS needs the operator', async () => {
    await expect(strict.verify(account())).rejects.toMatchObject({
      code: 'imap-cleartext-refused',
    });
  });
});

describe('DNS rebinding', () => {
  test('the name is resolved once, and only the checked address is connected to', async () => {
    let asked = 0;
    const provider = createImapProvider(
      {
        allowedNetworks: ['127.0.0.1/32'],
        allowCleartext: true,
        resolve: async () => (asked++ === 0 ? ['127.0.0.1'] : ['127.0.0.2']),
      },
      fast,
    );
    await provider.verify(account({ host: 'mail.example.org' }));
    expect(asked).toBe(1);
    const second = provider.verify(account({ host: 'mail.example.org' }));
    await expect(second).rejects.toMatchObject({ code: 'imap-address-blocked' });
  });
});
