import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ImapFlowOptions } from 'imapflow';
import type { AddressGuard, CheckedTarget } from './address-guard.ts';
import { addressBlocked } from './connect-errors.ts';

export type ImapTransport = NonNullable<ImapFlowOptions['transport']>;

/**
 * A transport that connects to the checked addresses and to no other: the name is not resolved
 * again (DNS rebinding), and the peer of the open socket is checked once more before a byte of
 * IMAP goes over it. `onSocket` is told of the socket, and of the one that STARTTLS puts over it.
 */
export function createPinnedTransport(
  guard: AddressGuard,
  target: CheckedTarget,
  authorities: readonly string[] | undefined,
  onSocket: (socket: Socket) => void,
): ImapTransport {
  const pinned: LookupFunction = (_host, options, callback) => {
    const found = target.addresses.map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    if (options.all) callback(null, found);
    else callback(null, found[0]!.address, found[0]!.family);
  };
  const tls = {
    minVersion: 'TLSv1.2' as const,
    ...(authorities && { ca: [...authorities] }),
  };
  return {
    connect: ({ host, port, servername, secure }, onConnect) => {
      const address = { host, port, lookup: pinned, autoSelectFamily: true };
      const connected = (): void => {
        if (guard.allows(socket.remoteAddress ?? '', port)) onConnect();
        else socket.destroy(addressBlocked());
      };
      const socket: Socket = secure
        ? connectTls({ ...address, ...tls, ...(servername && { servername }) }, connected)
        : connectTcp(address, connected);
      onSocket(socket);
      return socket;
    },
    upgrade: (plain, { host, servername }, onSecure) => {
      const name = servername ? { servername } : {};
      const socket = connectTls({ socket: plain, host, ...tls, ...name }, onSecure);
      onSocket(socket);
      return socket;
    },
  };
}
