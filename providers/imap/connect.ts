import type { Socket } from 'node:net';
import { getCACertificates } from 'node:tls';
import type { ImapFlowOptions } from 'imapflow';
import type { ImapAccount } from '../../domain/provider.ts';
import { createAddressGuard, type AddressGuardOptions } from './address-guard.ts';
import {
  openBytesMax,
  parserLimits,
  watchFlow,
  watchParserLimits,
  type ImapLimits,
} from './bounds.ts';
import { limitFlow } from './budget.ts';
import { ImapClient } from './client.ts';
import { cleartextRefused, translateConnectError, unreachable } from './connect-errors.ts';
import { loginSkipped, refuseInvalidCredentials } from './login.ts';
import { createPinnedTransport } from './pinned-transport.ts';

export interface ImapGuardOptions extends AddressGuardOptions {
  /** Whether a member may choose a connection without TLS. */
  allowCleartext: boolean;
  /** Certificates (PEM) trusted beside the well-known authorities. */
  extraAuthorities?: readonly string[];
}

/** How often what a peer has sent before the login is looked at: some megabytes at most. */
const meterMs = 100;

/** An open, logged-in connection. */
export interface ImapConnection {
  readonly client: ImapClient;
  /** The socket that carries the session, for byte budgets. */
  readonly socket: Socket;
  /** What ended the connection from inside, for example a bound that the server broke. */
  readonly fault: unknown;
}

export type ConnectImap = (
  account: ImapAccount,
  purpose: 'sync' | 'watch',
  signal?: AbortSignal,
) => Promise<ImapConnection>;

/**
 * Opens connections: address checked, TLS required unless allowed otherwise, bounds lowered,
 * logged in. Every error it throws is a ProviderFailure.
 */
export function createConnect(options: ImapGuardOptions, limits: ImapLimits): ConnectImap {
  const guard = createAddressGuard(options);
  const authorities = options.extraAuthorities && [
    ...getCACertificates('default'),
    ...options.extraAuthorities,
  ];
  return async (account, purpose, signal) => {
    if (account.security === 'none' && !options.allowCleartext) throw cleartextRefused();
    refuseInvalidCredentials(account);
    const target = await guard.check(account.host, account.port);
    if (signal?.aborted) throw unreachable(signal.reason);
    const deadline = AbortSignal.timeout(limits.openTimeoutMs);
    const sockets: Socket[] = [];
    const transport = createPinnedTransport(guard, target, authorities, (socket) => {
      sockets.push(socket);
    });
    const client = new ImapClient({
      ...clientOptions(account, purpose, limits),
      host: target.host,
      port: target.port,
      transport,
    });
    let fault: unknown;
    client.on('error', (error) => {
      fault ??= error;
      client.close();
    });
    const given = [deadline, ...(signal ? [signal] : [])];
    const abort = (): void => client.close();
    for (const each of given) each.addEventListener('abort', abort, { once: true });
    const meter = setInterval(() => {
      if ((sockets.at(-1)?.bytesRead ?? 0) > openBytesMax) client.close();
    }, meterMs);
    try {
      await client.connect();
      // Only a greeting of OK is kept; after PREAUTH the login was never asked for.
      if (client.greeting === undefined) throw loginSkipped();
    } catch (error) {
      // Asked before the closing, which forgets that a PREAUTH was a greeting too.
      const stage = hasGreeted(client) ? 'greeted' : 'before-greeting';
      client.close();
      throw translateConnectError(error, stage);
    } finally {
      clearInterval(meter);
      for (const each of given) each.removeEventListener('abort', abort);
    }
    const connection: ImapConnection = {
      client,
      socket: sockets.at(-1)!,
      get fault() {
        return fault;
      },
    };
    if (purpose === 'watch') limitFlow(connection, watchFlow);
    return connection;
  };
}

function clientOptions(
  account: ImapAccount,
  purpose: 'sync' | 'watch',
  limits: ImapLimits,
): ImapFlowOptions {
  return {
    secure: account.security === 'tls',
    ...(account.security !== 'tls' && { doSTARTTLS: account.security === 'starttls' }),
    auth: {
      user: account.username,
      ...(account.accessToken
        ? { accessToken: account.accessToken }
        : { pass: account.password ?? '' }),
    },
    clientInfo: { name: 'Steward', vendor: 'Steward' },
    connectionTimeout: limits.connectionTimeoutMs,
    greetingTimeout: limits.greetingTimeoutMs,
    socketTimeout: limits.socketTimeoutMs,
    ...(purpose === 'watch' ? watchParserLimits : parserLimits),
    // Compressed streams hide how much they hold until it is too late.
    disableCompression: true,
    // BINARY would take the transfer encoding off at the server, which some do wrongly.
    disableBinary: true,
    // A watch needs no more than a hint; only a sync reads which UIDs vanished.
    qresync: purpose === 'sync',
    disableAutoIdle: purpose === 'sync',
    autoIdleDelay: limits.idleDelayMs,
    maxIdleTime: limits.idleRenewMs,
    // imapflow logs host names, user names and folder names.
    logger: false,
  };
}

/** Whether the peer has spoken IMAP: a greeting, or a refusal in the form of one. */
function hasGreeted(client: ImapClient): boolean {
  return (
    client.greeting !== undefined ||
    client.byeReason !== undefined ||
    client.authenticated !== false
  );
}
