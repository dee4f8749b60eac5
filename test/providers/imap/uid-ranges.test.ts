import { expect, test } from 'vitest';
import { uidRangesMax } from '../../../providers/imap/bounds.ts';
import { holdsUid, readUidRanges, uidBatches } from '../../../providers/imap/uid-ranges.ts';

test.each([
  [['1:3,7'], 4, [1, 2, 3, 7]],
  [['7,3:1', '2:4'], 5, [1, 2, 3, 4, 7]],
  [['90:4294967295'], 11, [90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100]],
  [['0,200,*,x,6:y,,5'], 1, [5]],
])('%j is read within what was asked for', (sets, count, uids) => {
  const found = readUidRanges(sets, 100);
  expect(found.count).toBe(count);
  expect([...uidBatches(found, 3)].flat()).toEqual(uids);
  const held = Array.from({ length: 110 }, (_, uid) => uid).filter((uid) => holdsUid(found, uid));
  expect(held).toEqual(uids);
});

test('everything is one range, whatever its size', () => {
  expect(readUidRanges(['1:4294967295'], 4_294_967_294)).toEqual({
    ranges: [{ first: 1, last: 4_294_967_294 }],
    count: 4_294_967_294,
  });
});

test('ranges beyond the bound are left out', () => {
  const set = Array.from({ length: uidRangesMax + 10 }, (_, i) => 2 * i + 1).join();
  expect(readUidRanges([set, '1000000000'], 4_294_967_294).count).toBe(uidRangesMax);
});
