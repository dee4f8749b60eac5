import type { Address } from '../../domain/mail.ts';
import { decodeHeaderText } from './header-text.ts';

/** A To line of thousands is a mailing mistake; what is beyond stays readable in the raw headers. */
export const addressesMax = 500;

/**
 * Reads an address list (RFC 5322 §3.4): quoted names, comments, groups, encoded words, and the
 * common malformations (bare names, missing brackets). What has no address at all is left out.
 */
export function parseAddressList(value: string): Address[] {
  const found: Address[] = [];
  for (const mailbox of splitMailboxes(value)) {
    if (found.length >= addressesMax) break;
    const address = parseMailbox(mailbox);
    if (address) found.push(address);
  }
  return found;
}

interface Mailbox {
  words: string;
  angle: string | undefined;
  comment: string;
}

/** One pass over the characters: commas and semicolons count only outside quotes and brackets. */
function splitMailboxes(value: string): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  let current: Mailbox = { words: '', angle: undefined, comment: '' };
  let [quoted, inAngle, depth] = [false, false, 0];
  const add = (text: string): void => {
    if (depth > 0) current.comment += text;
    else if (inAngle) current.angle = (current.angle ?? '') + text;
    else current.words += text;
  };
  const finish = (): void => {
    mailboxes.push(current);
    current = { words: '', angle: undefined, comment: '' };
    inAngle = false;
  };
  for (let i = 0; i < value.length; i += 1) {
    const char = value[i]!;
    if (char === '\\' && (quoted || depth > 0)) {
      i += 1;
      add(value[i] ?? '');
    } else if (char === '"' && depth === 0) quoted = !quoted;
    else if (quoted) add(char);
    else if (char === '(') depth += 1;
    else if (char === ')' && depth > 0) depth -= 1;
    else if (depth > 0) add(char);
    else if (char === '<') [inAngle, current.angle] = [true, ''];
    else if (char === '>') inAngle = false;
    else if (char === ',' || char === ';') finish();
    else if (char === ':' && !inAngle) current.words = ''; // a group's name
    else add(char);
  }
  finish();
  return mailboxes;
}

function parseMailbox({ words, angle, comment }: Mailbox): Address | undefined {
  if (angle !== undefined) {
    const address = angle.replace(/\s+/g, '').replace(/^@[^:]*:/, ''); // an obsolete source route
    return address === ''
      ? undefined
      : { name: decodeHeaderText(words.trim() || comment), address };
  }
  const bare = words.split(/\s+/).find((word) => word.includes('@'));
  if (bare === undefined) return undefined;
  return { name: decodeHeaderText(words.replace(bare, '').trim() || comment), address: bare };
}
