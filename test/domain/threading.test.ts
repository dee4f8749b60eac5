import { describe, expect, it } from 'vitest';
import { planThreads } from '../../domain/threading.ts';

const none = new Map<string, string>();

describe('planThreads', () => {
  it('joins a reply with its parent, whichever comes first', () => {
    const parent = { messageId: 'm1', references: ['a'] };
    const reply = { messageId: 'm2', references: ['b', 'a'] };
    for (const items of [
      [parent, reply],
      [reply, parent],
    ]) {
      const { threads } = planThreads(items, none);
      expect(threads[0]).toBe(threads[1]);
    }
  });

  it('keeps strangers apart, with a thread of their own', () => {
    const items = [
      { messageId: 'm1', references: ['a'] },
      { messageId: 'm2', references: [] },
    ];
    expect(planThreads(items, none).threads).toEqual(['m1', 'm2']);
  });

  it('uses the thread that the store knows', () => {
    const plan = planThreads([{ messageId: 'm2', references: ['b', 'a'] }], new Map([['a', 't1']]));
    expect(plan.threads).toEqual(['t1']);
    expect(plan.references).toEqual(new Map([['b', 't1']]));
    expect(plan.merges.size).toBe(0);
  });

  it('merges two known threads when a message names both', () => {
    const known = new Map([
      ['a', 't2'],
      ['b', 't1'],
    ]);
    const plan = planThreads([{ messageId: 'm3', references: ['c', 'a', 'b'] }], known);
    expect(plan.threads).toEqual(['t1']);
    expect(plan.merges).toEqual(new Map([['t2', 't1']]));
    expect(plan.references.get('a')).toBe('t1');
    expect(plan.references.has('b')).toBe(false);
  });

  it('comes to the same groups in any order', () => {
    const items = [
      { messageId: 'm1', references: ['a'] },
      { messageId: 'm2', references: ['b', 'a'] },
      { messageId: 'm3', references: ['c', 'b'] },
      { messageId: 'm4', references: ['d'] },
      { messageId: 'm5', references: ['e', 'd', 'c'] },
    ];
    const groups = (order: typeof items): string => {
      const { threads } = planThreads(order, none);
      const named = order.map((item, i) => [item.messageId, threads[i]!] as const);
      const sets = Map.groupBy(named, ([, thread]) => thread).values();
      return [...sets]
        .map((set) =>
          set
            .map(([id]) => id)
            .toSorted()
            .join(),
        )
        .toSorted()
        .join(' ');
    };
    const expected = groups(items);
    expect(expected).toBe('m1,m2,m3,m4,m5');
    expect(groups(items.toReversed())).toBe(expected);
    expect(groups([items[4]!, items[0]!, items[3]!, items[2]!, items[1]!])).toBe(expected);
  });
});
