/** How bytes travel in a message (RFC 2045 §6). Everything here is Latin-1 text of bytes. */
export type TransferEncoding = '7bit' | '8bit' | 'quoted-printable' | 'base64';

const lineMax = 76;

export function transfer(bytes: Buffer, encoding: TransferEncoding): string {
  if (encoding === 'base64') return base64Lines(bytes);
  if (encoding === 'quoted-printable') return quotedPrintable(bytes);
  return bytes.toString('latin1');
}

function base64Lines(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,76}/g) ?? [];
  return `${lines.join('\r\n')}\r\n`;
}

/** Line ends stay line ends; a space before one is written out, as relays drop it. */
function quotedPrintable(bytes: Buffer): string {
  const lines = bytes.toString('latin1').split('\r\n');
  return lines.map(quotedLine).join('\r\n');
}

function quotedLine(line: string): string {
  const words = line.replace(/[^\t\u0020-\u003c\u003e-\u007e]|[ \t]$/g, hex).match(/=..|./g) ?? [];
  let out = '';
  let length = 0;
  for (const word of words) {
    if (length + word.length > lineMax - 1) {
      out += '=\r\n';
      length = 0;
    }
    out += word;
    length += word.length;
  }
  return out;
}

export function hex(byte: string): string {
  return `=${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
