import { describe, expect, it } from 'vitest';
import { parseAddressList } from '../../activities/mail/address-list.ts';
import { decodeMessage } from '../../activities/mail/decode-message.ts';
import { decodeLeaf } from '../../activities/mail/leaf-text.ts';
import { rawMessage } from '../support/raw-message.ts';

describe('parseAddressList', () => {
  it.each([
    ['a@example.com', [['', 'a@example.com']]],
    [
      '"Doe, Jane" <j@example.com>, b@example.com',
      [
        ['Doe, Jane', 'j@example.com'],
        ['', 'b@example.com'],
      ],
    ],
    [
      'Team: a@example.com, B <b@example.com>;',
      [
        ['', 'a@example.com'],
        ['B', 'b@example.com'],
      ],
    ],
    ['j@example.com (Jane (home))', [['Jane home', 'j@example.com']]],
    ['=?utf-8?q?J=C3=BCrgen?= <j@example.com>', [['Jürgen', 'j@example.com']]],
    ['<@relay.example:j@example.com>', [['', 'j@example.com']]],
    ['undisclosed-recipients:;', []],
    ['', []],
  ])('%s', (text, expected) => {
    const found = parseAddressList(text).map(({ name, address }) => [name, address]);
    expect(found).toEqual(expected);
  });

  it('stays linear on hostile input', () => {
    const started = performance.now();
    parseAddressList('('.repeat(200_000));
    parseAddressList('"<'.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('decodeLeaf', () => {
  const leaf = (content: string | Uint8Array, encoding: string, charset = 'utf-8') =>
    decodeLeaf({
      subtype: 'plain',
      charset,
      encoding,
      content: Buffer.from(content),
      truncated: false,
    });

  it('takes off quoted-printable: escapes, soft breaks, trailing white space', () => {
    expect(leaf('caf=C3=A9 =\r\nau lait  \r\nend=3D', 'quoted-printable')).toBe(
      'café au lait\nend=',
    );
    expect(leaf('broken =ZZ and = at end=', 'quoted-printable')).toBe('broken =ZZ and = at end');
  });

  it('takes off base64 and rare charsets', () => {
    expect(leaf(Buffer.from('grüße\r\n').toString('base64'), 'base64')).toBe('grüße\n');
    expect(leaf(Buffer.from([0x67, 0x72, 0xfc]), '8bit', 'iso-8859-1')).toBe('grü');
    expect(leaf(Buffer.from('1b2442467c4b5c1b2842', 'hex'), '7bit', 'iso-2022-jp')).toBe('日本');
    expect(leaf('plain', '7bit', 'x-nobody-knows')).toBe('plain');
  });
});

describe('decodeMessage', () => {
  it('reads what lists need, and keeps the header block as it came', () => {
    const headers = [
      'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
      ' aus Kiel',
      'From: Jane <jane@example.com>',
      'Date: Tue, 3 Nov 2026 10:00:00 +0100 (CET)',
      'Message-ID: <m1@example.com>',
      'References: <r1@example.com>\t<r2@example.com>',
      '__proto__: polluted',
    ].join('\r\n');
    const { envelope, body, sentAt } = decodeMessage(rawMessage({ headers, text: 'hello' }));
    expect(envelope.subject).toBe('Grüße aus Kiel');
    expect(envelope.from).toEqual([{ name: 'Jane', address: 'jane@example.com' }]);
    expect(envelope.references).toEqual(['<r1@example.com>', '<r2@example.com>']);
    expect(envelope.headers).toContain('__proto__: polluted');
    expect(sentAt).toEqual(new Date('2026-11-03T09:00:00Z'));
    expect(body).toEqual({ text: 'hello', html: null });
  });

  it('takes a message without any header', () => {
    const { envelope, sentAt } = decodeMessage(rawMessage({ headers: '' }));
    expect(envelope.subject).toBe('');
    expect(envelope.messageId).toBe('');
    expect(sentAt).toBeNull();
  });
});
