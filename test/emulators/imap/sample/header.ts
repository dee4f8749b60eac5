import { encodeText } from './charset.ts';
import type { Charset, Person } from './phrasebook.ts';
import { hex } from './transfer.ts';

/** Characters of one encoded word, so that it stays below 75 letters in any charset (RFC 2047). */
const wordCharacters = 12;

/** A header's text, with encoded words where it is not ASCII. */
export function encodeHeader(text: string, charset: Charset, style: 'B' | 'Q' = 'B'): string {
  if (/^[\u0020-\u007e]*$/.test(text)) return text;
  const characters = [...text];
  const words: string[] = [];
  for (let i = 0; i < characters.length; i += wordCharacters) {
    const piece = characters.slice(i, i + wordCharacters).join('');
    words.push(encodedWord(piece, charset, style));
  }
  return words.join('\r\n ');
}

function encodedWord(text: string, wanted: Charset, style: 'B' | 'Q'): string {
  const { bytes, charset } = encodeText(text, wanted);
  const content =
    style === 'B'
      ? bytes.toString('base64')
      : bytes
          .toString('latin1')
          .replace(/[^A-Za-z0-9 ]/g, hex)
          .replaceAll(' ', '_');
  return `=?${charset}?${style}?${content}?=`;
}

/** A mailbox of RFC 5322 §3.4. */
export function formatPerson({ name, address }: Person, charset: Charset): string {
  if (!/^[\u0020-\u007e]*$/.test(name)) return `${encodeHeader(name, charset)} <${address}>`;
  return `${/[^A-Za-z0-9 ]/.test(name) ? `"${name}"` : name} <${address}>`;
}

/** A file name as a parameter: plain, or encoded by RFC 2231. */
export function fileNameParameter(name: string): string {
  if (/^[\u0020-\u007e]*$/.test(name)) return `filename="${name}"`;
  return `filename*=utf-8''${encodeURIComponent(name)}`;
}

/** RFC 5322 §3.3, in a zone given in hours. */
export function formatDate(date: number, zoneHours: number): string {
  const shifted = new Date(date + zoneHours * 3_600_000).toUTCString();
  const sign = zoneHours < 0 ? '-' : '+';
  return shifted.replace('GMT', `${sign}${String(Math.abs(zoneHours)).padStart(2, '0')}00`);
}
