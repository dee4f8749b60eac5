import { plausibleInstant } from '../../domain/instant.ts';
import type { ItemFailure, SkipReason } from '../../domain/provider.ts';
import { planStructure, type StructurePlan } from './body-structure.ts';
import { headerBytesMax, modseqMax, outlineBytesMax, sizeMax } from './bounds.ts';
import type { FetchItem, ImapClient } from './client.ts';
import type { FetchedRow } from './fetched-row.ts';
import { fetchRows } from './fetch-rows.ts';
import { readFlags, type ReadFlags } from './flags.ts';
import { isolate } from './isolate.ts';
import { stillThere } from './listing.ts';
import type { OpenFolder } from './open-folder.ts';
import { oversized } from './oversized-structure.ts';

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

const header = 'HEADER';

/** No ENVELOPE: the header block says the same, and is decoded by us instead of by the server. */
function itemsFor({ capabilities, showsModseq }: ImapClient): FetchItem[] {
  const items: FetchItem[] = ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'BODYSTRUCTURE'];
  if (capabilities.has('OBJECTID')) items.push('EMAILID', 'THREADID');
  else if (capabilities.has('X-GM-EXT-1')) items.push('X-GM-MSGID', 'X-GM-THRID');
  if (capabilities.has('X-GM-EXT-1')) items.push('X-GM-LABELS');
  if (showsModseq) items.push('MODSEQ');
  items.push({ section: header, bytesMax: headerBytesMax });
  return items;
}

/**
 * Flags, dates, sizes, structures and headers of some messages, in the order asked for. Messages
 * that vanished are left out; those that cannot be read become failures. Those that are known to
 * break bounds are not asked for again, and such a page goes carefully from the start.
 */
export async function fetchOutlines(
  folder: OpenFolder,
  uids: readonly number[],
  culprits: Map<number, SkipReason>,
): Promise<{ outlines: Outline[]; failures: ItemFailure[] }> {
  const found = new Map<number, Outline | SkipReason>(culprits);
  const fetching = {
    culprits,
    oneByOne: culprits.size > 0,
    uidOf: (uid: number) => uid,
    hasCome: (uid: number) => found.has(uid),
    work: async (some: readonly number[]): Promise<void> => {
      const rows = new Map<number, Row>();
      const options = { items: itemsFor(folder.client), bytesMax: outlineBytesMax, rows };
      try {
        await fetchRows(folder, some, { ...options, keep, merge });
      } catch (error) {
        dropTorn(rows);
        throw error;
      } finally {
        for (const [uid, row] of rows) found.set(uid, toOutline(row));
      }
    },
  };
  const readSome = (some: readonly number[]) => isolate(folder, some, fetching);
  for (const { item, reason } of await readSome(uids.filter((uid) => !culprits.has(uid))))
    found.set(item, reason);
  await readAgain(folder, uids, found, readSome);
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
  readSome: (some: readonly number[]) => Promise<{ reason: SkipReason }[]>,
): Promise<void> {
  const doubtful = uids.filter((uid) => (found.get(uid) ?? 'unreadable') === 'unreadable');
  for (const uid of doubtful) found.delete(uid);
  for (const uid of await stillThere(folder, doubtful)) {
    const failed = await readSome([uid]);
    if (!found.has(uid)) found.set(uid, failed[0]?.reason ?? 'unreadable');
  }
}

/** A row whose structure and flags, which may be ten thousand each, are read at once and let go. */
type Row = Omit<FetchedRow, 'structure' | 'flags' | 'sections'> & {
  plan?: StructurePlan;
  oversized?: true;
  marks?: ReadFlags;
  header?: Buffer;
};

function keep({ structure, flags, labels, sections, ...row }: FetchedRow): Row {
  const cutOut = structure === oversized;
  const plan = structure && !cutOut ? planStructure(structure) : undefined;
  const block = sections.get(header);
  return {
    ...row,
    ...(plan && { plan }),
    ...(cutOut && { oversized: true as const }),
    // Apart, because a server may tell them apart.
    ...(flags && { marks: readFlags(flags) }),
    ...(labels && { labels: readFlags(undefined, new Set(labels)).keywords }),
    ...(block && { header: block }),
  };
}

function merge(before: Row, after: Row): Row {
  return { ...before, ...after };
}

/** Leaves out what an answer that broke off may have told by half: the server may split a message. */
function dropTorn(rows: Map<number, Row>): void {
  const last = [...rows.keys()].at(-1);
  for (const [uid, row] of rows) {
    const isWhole = row.header && (row.oversized || row.plan || uid !== last);
    if (!isWhole) rows.delete(uid);
  }
}

function toOutline(row: Row): Outline | SkipReason {
  if (!row.header) return 'unreadable';
  if (row.oversized) return 'too-large';
  // imapflow drops a structure that is nested beyond its parser's depth.
  if (!row.plan) return 'too-complex';
  const modseq = row.modseq ?? 0n;
  const { flags = 0, keywords = [] } = row.marks ?? {};
  return {
    uid: row.uid,
    flags,
    keywords: readFlags(new Set(keywords), new Set(row.labels)).keywords,
    receivedAt: receivedAt(row),
    size: Math.min(row.size ?? 0, sizeMax),
    version: modseq > modseqMax ? modseqMax : modseq,
    stableId: row.emailId || undefined,
    threadId: row.threadId || undefined,
    // A server may send more than it was asked for.
    header: row.header.subarray(0, headerBytesMax),
    plan: row.plan,
  };
}

/** INTERNALDATE; where a server leaves it out, the Date field stands in for it. */
function receivedAt({ internalDate, header: block }: Row): Date {
  const stated = internalDate ? plausibleInstant(internalDate.getTime()) : null;
  if (stated) return stated;
  const field = /^date:[ \t]*(.+)$/im.exec(block?.toString('latin1') ?? '');
  return plausibleInstant(Date.parse(field?.[1] ?? '')) ?? new Date(0);
}
