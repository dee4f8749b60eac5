import iconv from 'iconv-lite';
import type { RawLeaf } from '../../domain/provider.ts';

/** Takes off the transfer encoding (RFC 2045 §6) and the charset of one text leaf. */
export function decodeLeaf(leaf: RawLeaf): string {
  return decodeCharset(decodeTransfer(leaf), leaf.charset).replace(/\r\n/g, '\n');
}

function decodeTransfer(leaf: RawLeaf): Buffer {
  const { buffer, byteOffset, byteLength } = leaf.content;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  switch (leaf.encoding.toLowerCase()) {
    case 'base64':
      return Buffer.from(bytes.toString('latin1'), 'base64');
    case 'quoted-printable':
      return decodeQuotedPrintable(bytes);
    default:
      return bytes;
  }
}

/**
 * Quoted-printable in one pass over the bytes (RFC 2045 §6.7): soft line breaks and white space
 * before a line's end go; an escape that is none stays as it is.
 */
function decodeQuotedPrintable(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let lineEnd = 0; // where the line would end if only white space followed
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i]!;
    if (byte === 0x3d) {
      const skip = softBreakLength(bytes, i);
      if (skip > 0) {
        i += skip - 1;
        lineEnd = length;
        continue;
      }
      const value = hexPair(bytes, i + 1);
      out[length] = value < 0 ? byte : value;
      length += 1;
      if (value >= 0) i += 2;
      lineEnd = length;
    } else {
      if (byte === 0x0a || (byte === 0x0d && bytes[i + 1] === 0x0a)) length = lineEnd;
      out[length] = byte;
      length += 1;
      if (byte !== 0x20 && byte !== 0x09) lineEnd = length;
    }
  }
  return out.subarray(0, length);
}

/** Bytes of `=`, optional white space and the line break, or 0 when it is no soft break. */
function softBreakLength(bytes: Buffer, at: number): number {
  let i = at + 1;
  while (bytes[i] === 0x20 || bytes[i] === 0x09) i += 1;
  if (bytes[i] === 0x0d && bytes[i + 1] === 0x0a) return i + 2 - at;
  if (bytes[i] === 0x0a) return i + 1 - at;
  return i >= bytes.length ? i - at : 0;
}

function hexPair(bytes: Buffer, at: number): number {
  const [high, low] = [hexDigit(bytes[at]), hexDigit(bytes[at + 1])];
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function decodeCharset(bytes: Buffer, charset: string): string {
  const name = charset.toLowerCase();
  if (name === '' || name === 'utf-8' || name === 'us-ascii' || name === 'utf8') {
    return bytes.toString('utf8');
  }
  if (name.startsWith('iso-2022-') || !iconv.encodingExists(name)) return decodeRare(bytes, name);
  return iconv.decode(bytes, name);
}

/** Charsets iconv-lite lacks; what nobody knows is read as UTF-8, so that no mail is lost for it. */
function decodeRare(bytes: Buffer, name: string): string {
  try {
    return new TextDecoder(name).decode(bytes);
  } catch {
    return bytes.toString('utf8');
  }
}
