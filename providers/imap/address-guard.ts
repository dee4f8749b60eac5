import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { domainToASCII } from 'node:url';
import ipaddr from 'ipaddr.js';
import { addressBlocked, unreachable } from './connect-errors.ts';

/** What the operator allows beyond public mail servers. */
export interface AddressGuardOptions {
  /** CIDR networks in which private addresses and any port are allowed. */
  allowedNetworks: readonly string[];
  /** Ports allowed at public addresses. */
  allowedPorts?: readonly number[];
  /** Name resolution; the system's by default, because that is what a connection would use. */
  resolve?: (host: string) => Promise<string[]>;
}

export interface CheckedTarget {
  /** The name as the certificate has to carry it; an address stays an address. */
  host: string;
  port: number;
  /** Every answer of the resolver; all of them passed. */
  addresses: string[];
}

export interface AddressGuard {
  /**
   * Resolves the host and checks every address and the port.
   * @throws ProviderFailure `imap-address-blocked`, or `imap-unreachable` for an unknown name
   */
  check(host: string, port: number): Promise<CheckedTarget>;
  /** Whether this very address passes; asked again of a socket's peer. */
  allows(address: string, port: number): boolean;
}

/** IMAP with STARTTLS, and IMAP over TLS (RFC 8314 §3.2). */
const mailPorts = [143, 993];

/** The system's resolver may try several servers for half a minute; a member waits for less. */
const resolveTimeoutMs = 10_000;

/** RFC 1035 §2.3.4. */
const hostCharsMax = 253;

/** Names that stand for metadata services whatever they resolve to. */
const metadataNames = new Set(['metadata', 'metadata.google.internal', 'metadata.goog']);

/** Addresses that hand out a machine's own credentials; no operator can allow them. */
const metadataNetworks = [
  '169.254.0.0/16', // AWS, Azure, Google, ECS: all of link-local
  '100.100.100.200/32', // Alibaba
  '168.63.129.16/32', // Azure's wire server
  '192.0.0.192/32', // Oracle
  'fd00:ec2::254/128', // AWS
  'fd20:ce::254/128', // Google
  'fe80::/10',
].map((network) => ipaddr.parseCIDR(network));

/** The part of IPv6 that is given out (IANA); everything else is refused without asking why. */
const globalUnicast = ipaddr.parseCIDR('2000::/3');

/**
 * Refuses every address that is not a public mail server's, unless the operator allowed its
 * network (CWE-918). Addresses that embed an IPv4 address (mapped, 6to4, NAT64, Teredo) never
 * count as public; the embedded address decides whether the operator's networks cover them.
 */
export function createAddressGuard(options: AddressGuardOptions): AddressGuard {
  const networks = options.allowedNetworks.map((network) => ipaddr.parseCIDR(network));
  const ports = options.allowedPorts ?? mailPorts;
  const resolve = options.resolve ?? resolveAll;

  function allows(address: string, port: number): boolean {
    if (address.includes('%') || isIP(address) === 0) return false;
    const parsed = ipaddr.parse(address);
    const plain = embeddedIpv4(parsed) ?? parsed;
    if ([parsed, plain].some((each) => inside(each, metadataNetworks))) return false;
    if (inside(plain, networks)) return true;
    return isPublic(parsed) && ports.includes(port);
  }

  return {
    allows,
    check: async (rawHost, port) => {
      const host = canonicalHost(rawHost);
      if (host === undefined || metadataNames.has(host)) throw addressBlocked();
      if (!Number.isInteger(port) || port < 1 || port > 65_535) throw addressBlocked();
      const addresses = isIP(host) === 0 ? await resolve(host) : [host];
      if (addresses.length === 0) throw unreachable();
      if (!addresses.every((address) => allows(address, port))) throw addressBlocked();
      return { host, port, addresses };
    },
  };
}

/** The host in one form, or undefined for spellings that only serve to hide an address. */
function canonicalHost(raw: string): string | undefined {
  const bare = raw.trim().replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) !== 0) return bare.includes('%') ? undefined : bare;
  // domainToASCII cuts at a slash and drops line ends; what it would mend is refused.
  if (/[^a-z0-9._\-\u0080-\uffff]/i.test(bare)) return undefined;
  const host = domainToASCII(bare).replace(/\.$/, '').toLowerCase();
  // The URL parser turns 0x7f.1, 2130706433 and their like into addresses: hidden ones.
  if (isIP(host) !== 0) return undefined;
  if (host === '' || host.length > hostCharsMax) return undefined;
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(host)) return undefined;
  // A last label of digits is never a name (RFC 3696 §2).
  if (/(^|\.)(\d+|0x[0-9a-f]*)$/.test(host)) return undefined;
  return host;
}

type Address = ReturnType<typeof ipaddr.parse>;

function inside(address: Address, networks: readonly [Address, number][]): boolean {
  return networks.some(
    ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
  );
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(globalUnicast);
}

/** The IPv4 address inside a mapped, translated or tunnelled IPv6 one. */
function embeddedIpv4(address: Address): Address | undefined {
  if (!(address instanceof ipaddr.IPv6)) return undefined;
  const bytes = address.toByteArray();
  const at = (start: number, mask = 0): Address =>
    new ipaddr.IPv4(bytes.slice(start, start + 4).map((byte) => byte ^ mask));
  switch (address.range()) {
    case 'ipv4Mapped':
    case 'rfc6145':
    case 'rfc6052':
      return at(12);
    case '6to4':
      return at(2);
    case 'teredo':
      return at(12, 0xff);
    default:
      // IPv4-compatible (RFC 4291 §2.5.5.1) and the local NAT64 prefix (RFC 8215).
      if (bytes.slice(0, 12).every((byte) => byte === 0)) return at(12);
      return address.match(ipaddr.parseCIDR('64:ff9b:1::/48')) ? at(12) : undefined;
  }
}

async function resolveAll(host: string): Promise<string[]> {
  const answered = new AbortController();
  const expired = delay(resolveTimeoutMs, [], { signal: answered.signal });
  try {
    const answers = await Promise.race([lookup(host, { all: true, order: 'verbatim' }), expired]);
    return answers.map(({ address }) => address);
  } catch (error) {
    throw unreachable(error);
  } finally {
    answered.abort();
    // The timer's own end is no event any more.
    await Promise.allSettled([expired]);
  }
}
