import { describe, expect, it } from 'vitest';
import type { TwinRows } from '../../db/queries/ingest/merge-twins.ts';
import { pairTwins, type Twin } from '../../db/queries/ingest/pair-twins.ts';
import { createRandom } from '../emulators/imap/sample/random.ts';

/** A mailbox that another client has moved as a whole. */
const many = 50_000;

/**
 * The page's transaction, and the worker's only event loop, wait for it. Trying each with each takes 40 s.
 * Processor time, because a busy machine takes its share of any other.
 */
const boundMs = 1_000;

const row = (id: string, index: string, micros: number, hidden = false): Twin => ({
  ...{ id, twin_index: index, micros: String(micros), hidden },
});

describe('pairs of a message that is gone and its twins', () => {
  it('take a shown twin each, the first that is younger, and every hidden one', () => {
    const homeless = [row('a', 'x', 30), row('b', 'x', 10), row('c', 'y', 10), row('d', 'z', 10)];
    const twins = [
      row('t1', 'x', 20),
      row('t2', 'x', 40),
      row('t3', 'x', 50),
      row('t4', 'y', 10),
      row('t5', 'x', 25, true),
      row('t6', 'x', 35, true),
      row('t7', 'z', 5, true),
    ];
    expect(named(pairTwins(homeless, twins))).toEqual(['a-t2', 'a-t6', 'b-t1', 'b-t5']);
  });

  it('are those that trying each with each finds', () => {
    for (let round = 0; round < 300; round += 1) {
      const { int: below } = createRandom(round);
      const rows = (count: number, name: string): Twin[] =>
        Array.from({ length: count }, (_, i) =>
          row(`${name}${i}`, `k${below(3)}`, below(12), name === 't' && below(2) === 0),
        );
      const [homeless, twins] = [rows(below(14), 'h'), rows(below(20), 't')];
      expect(named(pairTwins(homeless, twins))).toEqual(named(eachWithEach(homeless, twins)));
    }
  });

  it.each<[string, (nth: number) => string, (nth: number) => number]>([
    ['of a whole mailbox', (nth) => `key${nth}`, () => 2],
    ['of nothing but copies of one message', () => 'key', () => 2],
    ['of copies, one younger than the other', () => 'key', (nth) => nth + 1],
    ['of copies, one older than the other', () => 'key', (nth) => many - nth],
  ])('%s are found at once', (_what, key, micros) => {
    const homeless = Array.from({ length: many }, (_, i) => row(`h${i}`, key(i), micros(i) - 1));
    const shown = Array.from({ length: many }, (_, i) => row(`s${i}`, key(i), micros(i)));
    const hidden = Array.from({ length: many }, (_, i) => row(`g${i}`, key(i), micros(i), true));
    const before = process.cpuUsage();
    const pairs = pairTwins(homeless, [...shown, ...hidden]);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(boundMs);
    expect(pairs).toHaveLength(2 * many);
  });
});

const named = (pairs: TwinRows[]): string[] =>
  pairs.map(({ old, twin }) => `${old}-${twin}`).toSorted();

/** What it stands for, without a thought of how long it takes. */
function eachWithEach(homeless: Twin[], twins: Twin[]): TwinRows[] {
  const isSame = (old: Twin, twin: Twin): boolean =>
    twin.twin_index === old.twin_index && Number(twin.micros) > Number(old.micros);
  const free = twins.filter(({ hidden }) => !hidden);
  const pairs: TwinRows[] = [];
  for (const old of homeless) {
    const at = free.findIndex((twin) => isSame(old, twin));
    if (at >= 0) pairs.push({ old: old.id, twin: free.splice(at, 1)[0]!.id });
  }
  for (const twin of twins.filter(({ hidden }) => hidden)) {
    const old = homeless.find((each) => isSame(each, twin));
    if (old) pairs.push({ old: old.id, twin: twin.id });
  }
  return pairs;
}
