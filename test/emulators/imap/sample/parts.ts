import { encodeText } from './charset.ts';
import { fileNameParameter } from './header.ts';
import type { Charset } from './phrasebook.ts';
import { transfer, type TransferEncoding } from './transfer.ts';

/** A MIME part: header fields, empty line and body, as Latin-1 text of its bytes. */
export type Part = string;

/** A text leaf, in an encoding that mail of this charset is met in. */
export function textPart(
  text: string,
  subtype: 'plain' | 'html',
  { charset: wanted, rare }: { charset: Charset; rare: boolean },
): Part {
  const { bytes, charset } = encodeText(text, wanted);
  const encoding = encodingFor(bytes, charset, rare);
  return [
    `Content-Type: text/${subtype}; charset=${charset}`,
    `Content-Transfer-Encoding: ${encoding}\r\n`,
    transfer(bytes, encoding),
  ].join('\r\n');
}

function encodingFor(bytes: Buffer, charset: Charset, rare: boolean): TransferEncoding {
  if (charset === 'iso-2022-jp' || bytes.every((byte) => byte < 0x80)) return '7bit';
  if (rare) return '8bit';
  const high = bytes.reduce((count, byte) => count + (byte >> 7), 0);
  return high > bytes.length / 4 ? 'base64' : 'quoted-printable';
}

export function multipart(subtype: string, boundary: string, parts: readonly Part[]): Part {
  return [
    `Content-Type: multipart/${subtype}; boundary="${boundary}"\r\n`,
    ...parts.map((part) => `--${boundary}\r\n${part}`),
    `--${boundary}--\r\n`,
  ].join('\r\n');
}

/** A small file of the kind that its name tells. */
export function attachment(name: string, serial: number): Part {
  const { type, bytes } = fileOf(name, serial);
  return [
    `Content-Type: ${type}`,
    `Content-Disposition: attachment; ${fileNameParameter(name)}`,
    'Content-Transfer-Encoding: base64\r\n',
    transfer(bytes, 'base64'),
  ].join('\r\n');
}

/** A message that is sent along whole. */
export function forwarded(message: Buffer): Part {
  const head = 'Content-Type: message/rfc822\r\nContent-Disposition: attachment';
  // A message may contain bytes beyond ASCII, so it says so (RFC 2046 §5.2.1).
  return `${head}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${message.toString('latin1')}`;
}

/** One transparent pixel. */
const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

function fileOf(name: string, serial: number): { type: string; bytes: Buffer } {
  if (name.endsWith('.png')) return { type: 'image/png', bytes: Buffer.from(pixel, 'base64') };
  if (name.endsWith('.csv')) {
    const rows = Array.from({ length: 20 }, (_, i) => `${serial};${i + 1};${(i * 7.5).toFixed(2)}`);
    return { type: 'text/csv; charset=utf-8', bytes: Buffer.from(rows.join('\r\n')) };
  }
  return { type: 'application/pdf', bytes: Buffer.from(pdf(`Document ${serial}`), 'latin1') };
}

/** The smallest file that a reader of PDF opens without the table that it repairs by itself. */
function pdf(title: string): string {
  const stream = `BT /F1 24 Tf 72 720 Td (${title}) Tj ET`;
  return [
    '%PDF-1.4',
    '1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj',
    '2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj',
    '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font' +
      '<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj',
    `4 0 obj<</Length ${stream.length}>>stream\n${stream}\nendstream endobj`,
    'trailer<</Root 1 0 R>>\n%%EOF\n',
  ].join('\n');
}
