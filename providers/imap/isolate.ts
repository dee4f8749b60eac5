import type { SkipReason } from '../../domain/provider.ts';
import { isRefusal, refused, translateError } from './errors.ts';
import type { OpenFolder } from './open-folder.ts';

/** When all of so many items are refused, it is the server that fails, not the items. */
const refusalsMeanServer = 8;

/** How items are fetched of which some may be at fault. */
interface Fetching<T> {
  uidOf: (item: T) => number;
  work: (items: readonly T[]) => Promise<void>;
  /** Whether an item has come whole, also when the work broke off behind it. */
  hasCome: (item: T) => boolean;
  /** Those that break bounds, as soon as they are found: others are found in the same chunk. */
  culprits: Map<number, SkipReason>;
  /** Whether they are fetched one by one from the beginning. */
  oneByOne?: boolean;
}

/**
 * Runs a fetch over items, and finds those that are at fault; the rest goes on. When the server
 * refuses it, the items are halved. When a bound is broken, which costs the connection, what has come
 * stays: rows come in the order of their UIDs nearly everywhere, so the fault is in the first item
 * that is lacking, or in the sum. That one is fetched alone. If it breaks the bound again it is at
 * fault, and whoever sends one such letter sends more: the rest is fetched one by one, so that each
 * further one costs a connection and no more. Other faults are thrown; what comes of a lost connection
 * is decided in page-stream.ts, over both fetches of a message.
 * @returns the items at fault
 */
export async function isolate<T>(
  folder: OpenFolder,
  items: readonly T[],
  { uidOf, work, hasCome, culprits, oneByOne = false }: Fetching<T>,
): Promise<{ item: T; reason: SkipReason }[]> {
  const failed: { item: T; reason: SkipReason }[] = [];
  const stack: (readonly T[])[] = [items.toSorted((a, b) => uidOf(a) - uidOf(b))];
  let alone = oneByOne;
  for (let some = stack.pop(); some; some = stack.pop()) {
    if (some.length === 0) continue;
    if (alone && some.length > 1) {
      stack.push(...some.map((item) => [item]).toReversed());
      continue;
    }
    try {
      await work(some);
    } catch (error) {
      const reason = await reasonOf(folder, error);
      if (some.length === 1) {
        const [item] = some as [T];
        failed.push({ item, reason });
        if (reason !== 'too-large') continue;
        culprits.set(uidOf(item), reason);
        alone = true;
      } else stack.push(...partsOf(some, reason, hasCome).toReversed());
    }
  }
  const refusals = failed.filter(({ reason }) => reason === 'provider-refused');
  if (refusals.length === items.length && items.length >= refusalsMeanServer) throw refused();
  return failed;
}

/** What is fetched next of items that could not be fetched together. */
function partsOf<T>(
  some: readonly T[],
  reason: SkipReason,
  hasCome: (item: T) => boolean,
): (readonly T[])[] {
  if (reason === 'provider-refused') return halvesOf(some);
  const lacking = some.filter((item) => !hasCome(item));
  const first = lacking.slice(0, 1);
  const rest = lacking.slice(1);
  const inOrder = first.length > 0 && some.indexOf(first[0]!) === some.length - lacking.length;
  // Where nothing has come, or something from behind, the first one need not be it.
  const isSuspect = inOrder && lacking.length < some.length;
  return isSuspect ? [first, rest] : [first, ...halvesOf(rest)];
}

function halvesOf<T>(some: readonly T[]): (readonly T[])[] {
  const half = Math.ceil(some.length / 2);
  return [some.slice(0, half), some.slice(half)];
}

async function reasonOf(folder: OpenFolder, error: unknown): Promise<SkipReason> {
  if (isRefusal(error)) return 'provider-refused';
  if (await folder.recover(error)) return 'too-large';
  throw translateError(error);
}
