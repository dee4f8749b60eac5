import { BadCommand } from './errors.ts';

/** Writes a mailbox name as modified UTF-7 (RFC 3501 §5.1.3). */
export function encodeUtf7(name: string): string {
  return name.replace(/&|[^\u0020-\u007e]+/g, (run) => {
    if (run === '&') return '&-';
    const bytes = Buffer.from(run, 'utf16le').swap16();
    return `&${bytes.toString('base64').replace(/=+$/, '').replaceAll('/', ',')}-`;
  });
}

/** Reads a mailbox name from modified UTF-7. @throws BadCommand when it is not written so */
export function decodeUtf7(name: string): string {
  const decoded = name.replace(/&([A-Za-z0-9+,]*)-/g, (_whole, run: string) => {
    if (run === '') return '&';
    const bytes = Buffer.from(run.replaceAll(',', '/'), 'base64');
    if (bytes.length % 2 !== 0) throw new BadCommand('broken modified UTF-7');
    return bytes.swap16().toString('utf16le');
  });
  if (encodeUtf7(decoded) !== name) throw new BadCommand('mailbox names are modified UTF-7');
  return decoded;
}
