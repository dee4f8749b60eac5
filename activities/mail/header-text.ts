import libmime from 'libmime';

/** Decodes encoded words (RFC 2047) and folds white space; text without any costs one search. */
export function decodeHeaderText(raw: string): string {
  const text = raw.includes('=?') ? decodeWords(raw) : raw;
  return text.replace(/\s+/g, ' ').trim();
}

function decodeWords(raw: string): string {
  try {
    return libmime.decodeWords(raw);
  } catch {
    // A charset nobody knows: the raw form is better than a lost subject.
    return raw;
  }
}
