import libmime from 'libmime';

export interface Header {
  name: string;
  value: string;
}

/** A header block (RFC 5322 §2.2) → its fields in order, unfolded and decoded (RFC 2047). */
export function listHeaders(block: string): Header[] {
  const unfolded = block.replace(/\r?\n(?=[ \t])/g, '');
  return unfolded.split(/\r?\n/).flatMap((line) => {
    const colon = line.indexOf(':');
    if (colon <= 0) return [];
    return [{ name: line.slice(0, colon).trim(), value: decode(line.slice(colon + 1).trim()) }];
  });
}

function decode(raw: string): string {
  if (!raw.includes('=?')) return raw;
  try {
    return libmime.decodeWords(raw);
  } catch {
    // A charset nobody knows: the raw form is better than none.
    return raw;
  }
}
