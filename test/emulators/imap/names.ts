import { BadCommand } from './errors.ts';
import { formatString } from './format.ts';
import type { Session } from './session.ts';
import { decodeUtf7, encodeUtf7 } from './utf7.ts';

type Form = Pick<Session, 'utf8'>;

/**
 * Reads a mailbox name: modified UTF-7 (RFC 3501 §5.1.3), or raw UTF-8 once the session has enabled
 * it, when an ampersand stands for itself (RFC 6855 §3). Takes Latin-1 text of the bytes.
 */
export function decodeName({ utf8 }: Form, text: string): string {
  if (!utf8) return decodeUtf7(text);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'latin1'));
  } catch {
    throw new BadCommand('mailbox names are UTF-8');
  }
}

/** Writes a mailbox name in the form that the session has; a quoted string may hold UTF-8 then. */
export function formatName({ utf8 }: Form, name: string): string {
  if (!utf8) return formatString(encodeUtf7(name));
  return `"${Buffer.from(name, 'utf8').toString('latin1').replace(/["\\]/g, '\\$&')}"`;
}
