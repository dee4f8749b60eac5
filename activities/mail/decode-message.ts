import { plausibleInstant } from '../../domain/instant.ts';
import type { Address, MessageBody, MessageEnvelope } from '../../domain/mail.ts';
import type { RawLeaf, RawMessage } from '../../domain/provider.ts';
import { addressesMax, parseAddressList } from './address-list.ts';
import { decodeHeaderText } from './header-text.ts';
import { parseHeaders, type HeaderBlock } from './headers.ts';
import { decodeLeaf } from './leaf-text.ts';

/** A message may name at most so many others; more is noise and would only cost index rows. */
export const referencesMax = 100;

/** A date-time has 31 characters; comments rarely double that, and cost the square to take out. */
const dateCharsMax = 200;

/** A subject is shown in lists; RFC 5322 lines end at 998 characters, folded ones rarely pass 2,000. */
const subjectCharsMax = 2_000;

export interface DecodedMessage {
  envelope: MessageEnvelope;
  body: MessageBody;
  /** The Date field, or null when it is missing or no date. */
  sentAt: Date | null;
}

/** Headers and text leaves of one raw message, decoded. Pure: no I/O, no keys. */
export function decodeMessage(raw: RawMessage): DecodedMessage {
  const headers = parseHeaders(raw.header);
  const addresses = (name: string): Address[] =>
    (headers.fields.get(name) ?? []).flatMap(parseAddressList).slice(0, addressesMax);
  const envelope: MessageEnvelope = {
    subject: decodeHeaderText(first(headers, 'subject')).slice(0, subjectCharsMax),
    messageId: messageIds(first(headers, 'message-id'))[0] ?? '',
    inReplyTo: messageIds(first(headers, 'in-reply-to'))[0] ?? '',
    references: messageIds(first(headers, 'references')).slice(-referencesMax),
    listId: decodeHeaderText(first(headers, 'list-id')),
    deliveredTo: headers.fields.get('delivered-to') ?? [],
    from: addresses('from'),
    sender: addresses('sender'),
    replyTo: addresses('reply-to'),
    to: addresses('to'),
    cc: addresses('cc'),
    bcc: addresses('bcc'),
    attachments: raw.attachments,
    headers: headers.text,
  };
  const body = { text: joinLeaves(raw.leaves, 'plain'), html: joinLeaves(raw.leaves, 'html') };
  return { envelope, body, sentAt: parseDate(first(headers, 'date')) };
}

function first(headers: HeaderBlock, name: string): string {
  return headers.fields.get(name)?.[0] ?? '';
}

/** Ids in angle brackets; a bare word counts too, since some senders forget the brackets. */
function messageIds(value: string): string[] {
  const bracketed = value.match(/<[^<>\s]+>/g);
  if (bracketed) return bracketed;
  return value === '' ? [] : value.split(/\s+/);
}

function joinLeaves(leaves: RawLeaf[], subtype: RawLeaf['subtype']): string | null {
  const texts = leaves.filter((leaf) => leaf.subtype === subtype).map(decodeLeaf);
  return texts.length === 0 ? null : texts.join('\n');
}

function parseDate(value: string): Date | null {
  const date = value.slice(0, dateCharsMax).replace(/\([^)]*\)/g, '');
  return plausibleInstant(Date.parse(date));
}
