import type { MessageStructureObject } from 'imapflow';
import {
  getStringList,
  getStringValue,
  parseBigIntValue,
  parseBodystructure,
  parseUintValue,
} from 'imapflow/lib/tools.js';
import { oversized } from './oversized-structure.ts';

/** One token of an answer as imapflow's parser leaves it: an atom, a string, a literal, NIL, a list. */
export type Token = null | Token[] | { value?: unknown; section?: unknown };

/** What one FETCH row says of a message; what it does not mention is undefined. */
export interface FetchedRow {
  uid: number;
  flags?: ReadonlySet<string>;
  /** X-GM-LABELS as the server writes them: mailbox names, modified UTF-7 on most servers. */
  labels?: string[];
  modseq?: bigint | undefined;
  size?: number;
  internalDate?: Date;
  /** `oversized` when it was cut out for its size. */
  structure?: MessageStructureObject | typeof oversized;
  /** EMAILID (RFC 8474) or X-GM-MSGID. */
  emailId?: string | undefined;
  /** THREADID or X-GM-THRID. */
  threadId?: string | undefined;
  /** Contents of `BODY[section]` by section in capitals; a part that came as NIL is left out. */
  sections: Map<string, Buffer>;
}

type StructureTokens = Parameters<typeof parseBodystructure>[0];

/** A UID has 32 bits; what has more digits is none. */
const uint32Digits = 10;

/**
 * Reads the list of items and values of one FETCH row (RFC 9051 §7.5.2), in whatever order they
 * stand. Undefined when it does not say which message it speaks of; a value that cannot be read is
 * left out, and so are items that nobody asked for.
 */
export function readFetchedRow(items: readonly Token[]): FetchedRow | undefined {
  const row: FetchedRow = { uid: 0, sections: new Map() };
  for (let i = 0; i + 1 < items.length; i += 2) readItem(row, items[i]!, items[i + 1]!);
  return row.uid > 0 ? row : undefined;
}

function readItem(row: FetchedRow, key: Token, value: Token): void {
  if (key === null || Array.isArray(key) || typeof key.value !== 'string') return;
  switch (key.value.toUpperCase()) {
    case 'UID':
      row.uid = parseUintValue(getStringValue(value), uint32Digits) || 0;
      return;
    case 'FLAGS':
      row.flags = new Set(getStringList(value));
      return;
    case 'X-GM-LABELS':
      row.labels = getStringList(value);
      return;
    case 'MODSEQ':
      row.modseq = parseBigIntValue(getStringList(value)[0]) || row.modseq;
      return;
    case 'RFC822.SIZE':
      row.size = parseUintValue(getStringValue(value)) || 0;
      return;
    case 'INTERNALDATE':
      row.internalDate = new Date(getStringValue(value) ?? '');
      return;
    case 'BODYSTRUCTURE':
      if (Array.isArray(value)) row.structure = parseBodystructure(value as StructureTokens);
      else if (getStringValue(value) === oversized) row.structure = oversized;
      return;
    case 'EMAILID':
      row.emailId = getStringList(value)[0];
      return;
    case 'X-GM-MSGID':
      row.emailId = getStringValue(value);
      return;
    case 'THREADID':
      row.threadId = getStringList(value)[0];
      return;
    case 'X-GM-THRID':
      row.threadId = getStringValue(value);
      return;
    case 'BODY':
      readSection(row, key.section, value);
      return;
    default:
  }
}

/** A section is an nstring (RFC 9051 §9): small ones come quoted from some servers. */
function readSection({ sections }: FetchedRow, section: unknown, value: Token): void {
  if (!Array.isArray(section) || value === null || Array.isArray(value)) return;
  const name = getStringValue(section[0])?.toUpperCase();
  if (name === undefined) return;
  if (Buffer.isBuffer(value.value)) sections.set(name, value.value);
  // The parser has read the line as UTF-8; writing it the same way gives back what was sent.
  else if (typeof value.value === 'string') sections.set(name, Buffer.from(value.value));
}
