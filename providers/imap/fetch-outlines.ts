import type { FetchMessageObject } from 'imapflow';
import type { ItemFailure, SkipReason } from '../../domain/provider.ts';
import { planStructure, type StructurePlan } from './body-structure.ts';
import { headerBytesMax } from './bounds.ts';
import { fetchRows } from './fetch-rows.ts';
import { readFlags, type ReadFlags } from './flags.ts';
import { isolate } from './isolate.ts';
import { stillThere } from './listing.ts';
import type { OpenFolder } from './open-folder.ts';

/** What is known of a message before its text is fetched. */
export interface Outline extends ReadFlags {
  uid: number;
  receivedAt: Date;
  size: number;
  version: bigint;
  stableId: string | undefined;
  threadId: string | undefined;
  header: Uint8Array;
  plan: StructurePlan;
}

/** No ENVELOPE: the header block says the same, and is decoded by us instead of by the server. */
const query = {
  uid: true,
  flags: true,
  labels: true,
  threadId: true,
  internalDate: true,
  size: true,
  bodyStructure: true,
  bodyParts: [{ key: 'HEADER', start: 0, maxLength: headerBytesMax }],
};

/**
 * Flags, dates, sizes, structures and headers of some messages, in the order asked for. Messages
 * that vanished are left out; those that cannot be read become failures.
 */
export async function fetchOutlines(
  folder: OpenFolder,
  uids: readonly number[],
): Promise<{ outlines: Outline[]; failures: ItemFailure[] }> {
  const found = new Map<number, Outline | SkipReason>();
  const read = async (some: readonly number[]): Promise<void> => {
    for (const [uid, row] of await fetchRows(folder, some, query)) found.set(uid, toOutline(row));
  };
  const failed = await isolate(folder, uids, read);
  for (const { item, reason } of failed) found.set(item, reason);
  await readAgain(folder, uids, found, read);
  const outlines: Outline[] = [];
  const failures: ItemFailure[] = [];
  for (const uid of uids) {
    const outline = found.get(uid);
    if (typeof outline === 'string') failures.push({ uid, reason: outline });
    else if (outline) outlines.push(outline);
  }
  return { outlines, failures };
}

/**
 * Messages without a proper answer: most have vanished since they were listed. The server may also
 * have answered with a line that could not be parsed; those are asked for once more, alone.
 */
async function readAgain(
  folder: OpenFolder,
  uids: readonly number[],
  found: Map<number, Outline | SkipReason>,
  read: (some: readonly number[]) => Promise<void>,
): Promise<void> {
  const doubtful = uids.filter((uid) => (found.get(uid) ?? 'unreadable') === 'unreadable');
  for (const uid of doubtful) found.delete(uid);
  for (const uid of await stillThere(folder.client, doubtful)) {
    const failed = await isolate(folder, [uid], read);
    if (!found.has(uid)) found.set(uid, failed[0]?.reason ?? 'unreadable');
  }
}

function toOutline(row: FetchMessageObject): Outline | SkipReason {
  if (!row.headers) return 'unreadable';
  // imapflow drops a structure that is nested beyond its parser's depth.
  const plan = row.bodyStructure && planStructure(row.bodyStructure);
  if (!plan) return 'too-complex';
  return {
    uid: row.uid,
    ...readFlags(row.flags, row.labels),
    receivedAt: receivedAt(row),
    size: row.size ?? 0,
    version: row.modseq ?? 0n,
    stableId: row.emailId || undefined,
    threadId: row.threadId || undefined,
    header: row.headers,
    plan,
  };
}

/** INTERNALDATE; where a server leaves it out, the Date field stands in for it. */
function receivedAt({ internalDate, headers }: FetchMessageObject): Date {
  if (internalDate instanceof Date) return internalDate;
  const field = /^date:[ \t]*(.+)$/im.exec(headers?.toString('latin1') ?? '');
  const time = Date.parse(field?.[1] ?? '');
  return new Date(Number.isNaN(time) ? 0 : time);
}
