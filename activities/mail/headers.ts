/** Beyond this a header block is an attack or a mailing list gone wrong; it is cut, not refused. */
export const headerFieldsMax = 2_000;

const utf8 = new TextDecoder('utf-8', { fatal: true });
const latin1 = new TextDecoder('latin1');

/** A header block: its text, and its fields in order with repeats, names in lower case. */
export interface HeaderBlock {
  text: string;
  /** A Map, because senders choose the names: `__proto__` is one like any other. */
  fields: Map<string, string[]>;
}

/** Unfolds a header block once (RFC 5322 §2.2.3). Bytes that are no UTF-8 are read as Latin-1. */
export function parseHeaders(bytes: Uint8Array): HeaderBlock {
  const text = decodeBytes(bytes);
  const fields = new Map<string, string[]>();
  let count = 0;
  for (const line of text.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon < 1) continue;
    if (count === headerFieldsMax) break;
    count += 1;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const values = fields.get(name);
    if (values) values.push(value);
    else fields.set(name, [value]);
  }
  return { text, fields };
}

function decodeBytes(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return latin1.decode(bytes);
  }
}
