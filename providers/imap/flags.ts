import { mailFlags } from '../../domain/mail.ts';
import { keywordsMax } from './bounds.ts';

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
 * System flags as bits, keywords as they are; `\Recent` and unknown system flags are dropped. A
 * host's labels (X-GM-LABELS) are kept beside the keywords, `\Inbox` and the like as well.
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
  return { flags, keywords: [...keywords].slice(0, keywordsMax) };
}
