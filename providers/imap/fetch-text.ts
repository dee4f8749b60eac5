import type { ItemFailure, RawLeaf, RawMessage, SkipReason } from '../../domain/provider.ts';
import type { LeafPlan } from './body-structure.ts';
import { leafBytesMax, leafSlackBytes, textSlackBytesMax } from './bounds.ts';
import { copyTogether } from './copy-together.ts';
import type { Outline } from './fetch-outlines.ts';
import type { FetchedRow } from './fetched-row.ts';
import { fetchRows } from './fetch-rows.ts';
import { isolate } from './isolate.ts';
import { stillThere } from './listing.ts';
import type { OpenFolder } from './open-folder.ts';

type Parts = Map<string, Buffer>;

/**
 * Fetches the text leaves of some messages, one command for each list of sections that several
 * share. No other part is ever asked for. The bytes of each message lie in a buffer of their own,
 * which can be handed to a thread.
 */
export async function fetchText(
  folder: OpenFolder,
  outlines: readonly Outline[],
  culprits: Map<number, SkipReason>,
): Promise<{ messages: RawMessage[]; failures: ItemFailure[] }> {
  const texts = new Map<number, Parts | SkipReason>();
  for (const [sections, group] of groupBySections(outlines)) {
    const items = sections.map((section) => ({ section, bytesMax: leafBytesMax }));
    const work = async (some: readonly Outline[]): Promise<void> => {
      const uids = some.map(({ uid }) => uid);
      const rows = new Map<number, Parts>();
      try {
        await fetchRows(folder, uids, { items, bytesMax: budgetOf(some), keep, merge, rows });
      } finally {
        for (const [uid, parts] of rows) texts.set(uid, parts);
      }
    };
    const hasCome = (outline: Outline): boolean => isWhole(outline, texts.get(outline.uid));
    const uidOf = ({ uid }: Outline): number => uid;
    const failed = await isolate(folder, group, { uidOf, work, hasCome, culprits });
    for (const { item, reason } of failed) texts.set(item.uid, reason);
  }
  await settleDoubtful(folder, outlines, texts);
  return assemble(outlines, texts);
}

/** What these texts may weigh: a server that states small sizes and sends large parts is cut off. */
function budgetOf(outlines: readonly Outline[]): number {
  const stated = outlines.reduce((sum, { plan }) => sum + 2 * plan.bytes, 0);
  const leaves = outlines.reduce((sum, { plan }) => sum + plan.leaves.length, 0);
  return stated + Math.min((leaves + 1) * leafSlackBytes, textSlackBytesMax);
}

function keep({ sections }: FetchedRow): Parts {
  return sections;
}

function merge(before: Parts, after: Parts): Parts {
  return new Map([...before, ...after]);
}

/** Text that is missing: the message vanished between the two fetches, or cannot be read. */
async function settleDoubtful(
  folder: OpenFolder,
  outlines: readonly Outline[],
  texts: Map<number, Parts | SkipReason>,
): Promise<void> {
  const doubtful = outlines.filter((outline) => {
    const parts = texts.get(outline.uid);
    return typeof parts !== 'string' && !isWhole(outline, parts);
  });
  const uids = doubtful.map(({ uid }) => uid);
  for (const uid of uids) texts.delete(uid);
  for (const uid of await stillThere(folder, uids)) texts.set(uid, 'unreadable');
}

/** Whether all its text is there: also where an answer broke off, between two rows of a message. */
function isWhole({ plan }: Outline, parts: Parts | SkipReason = new Map()): boolean {
  return typeof parts !== 'string' && !plan.leaves.some((leaf) => isMissing(leaf, parts));
}

/** An empty part may come as NIL; a part with a size may not. */
function isMissing({ part, size }: LeafPlan, parts: Parts): boolean {
  return size > 0 && !parts.get(part);
}

/** Messages by their lists of sections; most mail has one of three. */
function groupBySections(outlines: readonly Outline[]): Iterable<[string[], Outline[]]> {
  const groups = new Map<string, [string[], Outline[]]>();
  for (const outline of outlines) {
    const sections = outline.plan.leaves.map(({ part }) => part);
    if (sections.length === 0) continue;
    const key = sections.join();
    const group = groups.get(key);
    if (group) group[1].push(outline);
    else groups.set(key, [sections, [outline]]);
  }
  return groups.values();
}

function assemble(
  outlines: readonly Outline[],
  texts: ReadonlyMap<number, Parts | SkipReason>,
): { messages: RawMessage[]; failures: ItemFailure[] } {
  const failures: ItemFailure[] = [];
  const complete: { outline: Outline; parts: Parts }[] = [];
  for (const outline of outlines) {
    const { uid, plan } = outline;
    // Without an entry a message with text in it vanished; one without text was never asked for.
    const parts = texts.get(uid) ?? (plan.bytes === 0 ? new Map<string, Buffer>() : undefined);
    if (typeof parts === 'string') failures.push({ uid, reason: parts });
    else if (parts) complete.push({ outline, parts });
  }
  const messages = complete.map(({ outline, parts }) => toMessage(outline, parts));
  return { messages, failures };
}

function toMessage({ plan, header, ...facts }: Outline, parts: Parts): RawMessage {
  // A server may send more than it was asked for.
  const contents = plan.leaves.map(({ part }) => parts.get(part)?.subarray(0, leafBytesMax));
  const [ownHeader, ...ownContents] = copyTogether([header, ...contents]);
  return {
    ...facts,
    header: ownHeader!,
    leaves: plan.leaves.map((leaf, i) => toLeaf(leaf, ownContents[i]!)),
    attachments: plan.attachments,
  };
}

function toLeaf({ subtype, charset, encoding, size }: LeafPlan, content: Uint8Array): RawLeaf {
  const truncated = content.length >= leafBytesMax && size > leafBytesMax;
  return { subtype, charset, encoding, content, truncated };
}
