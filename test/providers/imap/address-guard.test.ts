import { describe, expect, test } from 'vitest';
import { createAddressGuard } from '../../../providers/imap/address-guard.ts';

const resolve = async (host: string): Promise<string[]> => {
  const answers: Record<string, string[]> = {
    'mail.example.org': ['93.184.216.34', '2606:2800:220:1::1'],
    'mixed.example.org': ['93.184.216.34', '10.0.0.5'],
    'inside.example.org': ['10.0.0.5'],
    localhost: ['127.0.0.1', '::1'],
    'rebound.example.org': ['169.254.169.254'],
  };
  return answers[host] ?? [];
};

const blocked = { code: 'imap-address-blocked' };

describe('without allowed networks', () => {
  const guard = createAddressGuard({ allowedNetworks: [], resolve });

  test.each([
    // Abuse cases 1 to 4: loopback in all its spellings, metadata, embedded addresses.
    ...[
      '127.0.0.1',
      '127.8.8.8',
      'localhost',
      'localhost.',
      'LOCALHOST',
      '0.0.0.0',
      '::1',
      '[::1]',
    ],
    ...['::', '::ffff:127.0.0.1', '[::ffff:7f00:1]', '::127.0.0.1', '::ffff:0:127.0.0.1'],
    ...['2130706433', '0x7f000001', '0x7f.1', '017700000001', '0177.0.0.1', '127.1', '127.0.1'],
    ...['1.2.3.4.5', '1.2.3.0x4', '①②⑦.0.0.1', '127。0。0。1', '256.1.1.1', '127.0.0.1%eth0'],
    ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '198.18.0.1'],
    ...['192.0.0.1', '192.0.2.1', '203.0.113.9', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
    ...['169.254.1.1', '169.254.169.254', 'metadata.google.internal', 'metadata', 'METADATA.goog.'],
    ...['100.100.100.200', '168.63.129.16', 'fd00:ec2::254', 'rebound.example.org'],
    ...['fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd12:3456::1', 'fec0::1', 'ff02::1', '100::1'],
    ...['2002:0a00:0001::', '2002:7f00:1::', '2002:5db8:d822::', '64:ff9b::a00:1', '64:ff9b:1::1'],
    ...['64:ff9b::5db8:d822', '2001:0:4136:e378:8000:63bf:3fff:fdd2', '2001:db8::1', '4000::1'],
    ...[
      'mixed.example.org',
      'inside.example.org',
      'a b.org',
      'ex\r\nample.org',
      'a/b',
      'user@h.org',
    ],
    ...['', '.', 'a..b', '-'.repeat(300), 'http://mail.example.org', 'mail.example.org:993'],
  ])('refuses %s', async (host) => {
    await expect(guard.check(host, 993)).rejects.toMatchObject(blocked);
  });

  test.each([22, 25, 80, 443, 5432, 6379, 0, -1, 65_536, 1.5, Number.NaN])(
    'refuses port %s',
    async (port) => {
      await expect(guard.check('mail.example.org', port)).rejects.toMatchObject(blocked);
    },
  );

  test.each(['mail.example.org', 'Mail.Example.Org.', ' mail.example.org '])(
    'lets %s through, every address of it',
    async (host) => {
      const target = await guard.check(host, 993);
      expect(target).toEqual({
        host: 'mail.example.org',
        port: 993,
        addresses: ['93.184.216.34', '2606:2800:220:1::1'],
      });
    },
  );

  test('reads international names in their ASCII form', async () => {
    const seen: string[] = [];
    const spy = createAddressGuard({
      allowedNetworks: [],
      resolve: async (host) => (seen.push(host), ['93.184.216.34']),
    });
    await spy.check('bücher.example', 143);
    expect(seen).toEqual(['xn--bcher-kva.example']);
  });

  test('says that nobody answers when a name has no address', async () => {
    const check = guard.check('unknown.example.org', 993);
    await expect(check).rejects.toMatchObject({ code: 'imap-unreachable' });
  });

  test('judges an open socket by its peer', () => {
    expect(guard.allows('93.184.216.34', 993)).toBe(true);
    expect(guard.allows('10.0.0.5', 993)).toBe(false);
    expect(guard.allows('', 993)).toBe(false);
  });
});

describe('with networks that the operator allows', () => {
  const networks = ['10.0.0.0/8', '127.0.0.0/8', '0.0.0.0/0', '::/0', 'fd00::/8'];
  const guard = createAddressGuard({ allowedNetworks: networks.slice(0, 2), resolve });
  const widest = createAddressGuard({ allowedNetworks: networks, resolve });

  test.each(['10.0.0.5', 'inside.example.org', '127.0.0.1', '::ffff:10.0.0.5', '64:ff9b::a00:5'])(
    'lets %s through on any port',
    async (host) => {
      await expect(guard.check(host, 10_143)).resolves.toMatchObject({ port: 10_143 });
    },
  );

  test('still refuses what lies outside, and odd spellings', async () => {
    for (const host of ['192.168.1.1', '2130706433', '127.1', '::1', '2002:c0a8:101::']) {
      await expect(guard.check(host, 993)).rejects.toMatchObject(blocked);
    }
  });

  test.each([
    ...['169.254.169.254', '::ffff:169.254.169.254', '2002:a9fe:a9fe::', '64:ff9b::a9fe:a9fe'],
    ...['metadata.google.internal', 'fd00:ec2::254', '100.100.100.200', 'rebound.example.org'],
  ])('never lets the metadata service %s through', async (host) => {
    await expect(widest.check(host, 993)).rejects.toMatchObject(blocked);
  });

  test('a public address keeps to the mail ports', async () => {
    await expect(guard.check('93.184.216.34', 25)).rejects.toMatchObject(blocked);
    await expect(guard.check('93.184.216.34', 143)).resolves.toBeDefined();
  });
});
