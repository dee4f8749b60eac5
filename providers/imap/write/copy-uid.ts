import type { MovedItem } from '../../../domain/mail-writer.ts';
import type { ServerLine } from './command.ts';

/**
 * Where messages stand after COPY or MOVE, from the response code COPYUID (RFC 4315 §3). Undefined
 * when the server does not say, speaks of another numbering of the target, or of more messages
 * than were named.
 */
export function readCopyUid(
  lines: readonly ServerLine[],
  uids: readonly number[],
  uidValidity: string | undefined,
): MovedItem[] | undefined {
  const asked = new Set(uids);
  const moved: MovedItem[] = [];
  let said = false;
  // A MOVE may be answered in portions, with a code each.
  for (const line of lines) {
    const [code, validity, from, to] = line.attributes?.[0]?.section ?? [];
    if (code?.value !== 'COPYUID') continue;
    if (uidValidity !== undefined && String(validity?.value) !== uidValidity) return undefined;
    const sources = expand(from?.value, uids.length);
    const targets = expand(to?.value, uids.length);
    if (!sources || sources.length !== targets?.length) return undefined;
    said = true;
    for (const [i, uid] of sources.entries()) {
      if (asked.has(uid)) moved.push({ uid, newUid: targets[i]! });
    }
  }
  return said ? moved : undefined;
}

/** The UIDs of a set in its own order; undefined when it is none or names more than `max`. */
function expand(set: unknown, max: number): number[] | undefined {
  if (typeof set !== 'string') return undefined;
  const uids: number[] = [];
  for (const part of set.split(',')) {
    const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(part);
    if (!match) return undefined;
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (Math.abs(last - first) + 1 + uids.length > max) return undefined;
    const step = last < first ? -1 : 1;
    for (let uid = first; uid !== last + step; uid += step) uids.push(uid);
  }
  return uids;
}
