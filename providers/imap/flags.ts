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

/** System flags as bits, keywords as they are; `\Recent` and unknown system flags are dropped. */
export function readFlags(names: ReadonlySet<string> | undefined): ReadFlags {
  let flags = 0;
  const keywords: string[] = [];
  for (const name of names ?? []) {
    if (!name.startsWith('\\')) {
      if (keywords.length < keywordsMax) keywords.push(name);
    } else flags |= bits.get(name.toLowerCase()) ?? 0;
  }
  return { flags, keywords };
}
