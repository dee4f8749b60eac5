import iconv from 'iconv-lite';
import type { Charset } from './phrasebook.ts';

/** Encodes a text, in UTF-8 where the charset lacks one of its characters. */
export function encodeText(text: string, charset: Charset): { bytes: Buffer; charset: Charset } {
  if (charset !== 'utf-8') {
    const bytes = charset === 'iso-2022-jp' ? encodeIso2022Jp(text) : encodeWith(text, charset);
    if (bytes) return { bytes, charset };
  }
  return { bytes: Buffer.from(text), charset: 'utf-8' };
}

function encodeWith(text: string, charset: string): Buffer | undefined {
  const name = charset === 'us-ascii' ? 'ascii' : charset;
  const bytes = iconv.encode(text, name);
  const plain = charset !== 'us-ascii' || /^[\u0000-\u007f]*$/.test(text);
  return plain && iconv.decode(bytes, name) === text ? bytes : undefined;
}

const toKanji = '\u001b$B';
const toAscii = '\u001b(B';

/** RFC 1468. A character of JIS X 0208 has the bytes that it has in EUC-JP, without the top bit. */
function encodeIso2022Jp(text: string): Buffer | undefined {
  let out = '';
  let kanji = false;
  for (const character of text) {
    const euc = iconv.encode(character, 'euc-jp');
    const ascii = character <= '\u007f';
    if (!ascii && (euc.length !== 2 || euc[0]! < 0xa1)) return undefined;
    if (ascii === kanji) out += ascii ? toAscii : toKanji;
    kanji = !ascii;
    out += ascii ? character : String.fromCharCode(euc[0]! & 0x7f, euc[1]! & 0x7f);
  }
  return Buffer.from(kanji ? out + toAscii : out, 'latin1');
}
