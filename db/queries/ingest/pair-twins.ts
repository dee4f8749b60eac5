import type { TwinRows } from './merge-twins.ts';

/** A message that was stored more than once, as one of its rows. */
export interface Twin extends Record<string, unknown> {
  id: string;
  twin_index: string;
  /** When it was stored, in microseconds since the epoch: safe as a number for 250 years. */
  micros: string;
  hidden: boolean;
}

/**
 * Which twin goes into which homeless message. One that is shown takes in one place of one message;
 * those that are hidden all go, whoever takes them in, so that none is left to take a later place.
 * Both in the order they are given in, and only into a message that was stored before them. A mailbox
 * may be moved as a whole, and may hold nothing but copies of one message: neither may be slow.
 */
export function pairTwins(homeless: readonly Twin[], twins: readonly Twin[]): TwinRows[] {
  const groups = new Map<string, Group>();
  for (const old of homeless) groupOf(groups, old.twin_index).homeless.push(old);
  for (const twin of twins) {
    const group = groups.get(twin.twin_index);
    if (group) (twin.hidden ? group.hidden : group.shown).push(twin);
  }
  return [...groups.values()].flatMap((group) => [...pairShown(group), ...pairHidden(group)]);
}

/** What has one twin index. */
interface Group {
  homeless: Twin[];
  shown: Twin[];
  hidden: Twin[];
}

function groupOf(groups: Map<string, Group>, twinIndex: string): Group {
  let group = groups.get(twinIndex);
  if (!group) groups.set(twinIndex, (group = { homeless: [], shown: [], hidden: [] }));
  return group;
}

/** Each message takes the first that is younger and still free. */
function pairShown({ homeless, shown }: Group): TwinRows[] {
  if (shown.length === 0) return [];
  const free = new FreeTwins(shown.map(microsOf));
  return homeless.flatMap((old) => {
    const at = free.takeAbove(microsOf(old));
    return at < 0 ? [] : [{ old: old.id, twin: shown[at]!.id }];
  });
}

/** Each goes into the first message that is older. */
function pairHidden({ homeless, hidden }: Group): TwinRows[] {
  // Only a message that is older than all before it is ever the first to be older than a twin.
  const firsts: Twin[] = [];
  for (const old of homeless) {
    const last = firsts.at(-1);
    if (!last || microsOf(old) < microsOf(last)) firsts.push(old);
  }
  return hidden.flatMap((twin) => {
    const at = firstWhere(firsts.length, (nth) => microsOf(firsts[nth]!) < microsOf(twin));
    return at < firsts.length ? [{ old: firsts[at]!.id, twin: twin.id }] : [];
  });
}

const microsOf = ({ micros }: Twin): number => Number(micros);

/** The first number below `count` of which something holds that holds of all after it as well. */
function firstWhere(count: number, holds: (nth: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Numbers, of which the first above another is taken: a tree of the greatest in each half. */
class FreeTwins {
  readonly #leaves: number;
  readonly #greatest: Float64Array;

  constructor(values: number[]) {
    this.#leaves = 2 ** Math.ceil(Math.log2(values.length));
    this.#greatest = new Float64Array(2 * this.#leaves).fill(-Infinity);
    this.#greatest.set(values, this.#leaves);
    for (let at = this.#leaves - 1; at > 0; at -= 1) this.#lift(at);
  }

  /** Which was the first, or -1. */
  takeAbove(bound: number): number {
    if (!(this.#greatest[1]! > bound)) return -1;
    let at = 1;
    while (at < this.#leaves) at = this.#greatest[2 * at]! > bound ? 2 * at : 2 * at + 1;
    const taken = at - this.#leaves;
    this.#greatest[at] = -Infinity;
    for (at >>= 1; at > 0; at >>= 1) this.#lift(at);
    return taken;
  }

  #lift(at: number): void {
    this.#greatest[at] = Math.max(this.#greatest[2 * at]!, this.#greatest[2 * at + 1]!);
  }
}
