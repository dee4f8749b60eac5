import { mailFlags } from '../../domain/mail.ts';
import { keywordCharsMax, keywordsMax } from './bounds.ts';

/** Flag names are compared without case (RFC 9051 §2.3.2). */
const bits = new Map<string, number>([
  ['\\seen', mailFlags.seen],
  ['\\answered', mailFlags.answered],
  ['\\flagged', mailFlags.flagged],
  ['\\draft', mailFlags.draft],
  ['\\deleted', mailFlags.deleted],
]);

export interface ReadFlags {
  flags: number;
  keywords: string[];
}

/**
 * System flags as bits, keywords as they are; `\Recent`, unknown system flags and what is beyond
 * the bounds on keywords are dropped. A host's labels (X-GM-LABELS) are kept beside the keywords,
 * `\Inbox` and the like as well.
 */
export function readFlags(
  names: ReadonlySet<string> | undefined,
  labels: ReadonlySet<string> = new Set(),
): ReadFlags {
  let flags = 0;
  const keywords = new Set(labels);
  for (const name of names ?? []) {
    if (name.startsWith('\\')) flags |= bits.get(name.toLowerCase()) ?? 0;
    else keywords.add(name);
  }
  const kept = [...keywords].filter((name) => name.length <= keywordCharsMax);
  return { flags, keywords: kept.slice(0, keywordsMax) };
}

/** System flags by their names, as STORE takes them. */
export function flagNames(flags: number): string[] {
  return names.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
}

const names: readonly (readonly [string, number])[] = [
  ['\\Seen', mailFlags.seen],
  ['\\Answered', mailFlags.answered],
  ['\\Flagged', mailFlags.flagged],
  ['\\Draft', mailFlags.draft],
  ['\\Deleted', mailFlags.deleted],
];
