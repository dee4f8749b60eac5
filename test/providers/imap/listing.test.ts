import { Socket } from 'node:net';
import type { SearchObject } from 'imapflow';
import { describe, expect, test } from 'vitest';
import type { ImapConnection } from '../../../providers/imap/connect.ts';
import { listUids } from '../../../providers/imap/listing.ts';
import { formatUidSet, parseUidSet } from '../../../providers/imap/uid-set.ts';

test.each([
  [[], ''],
  [[5], '5'],
  [[3, 1, 2], '1:3'],
  [[9, 1, 2, 3, 7, 8, 8, 20], '1:3,7:9,20'],
])('%j is written as %s', (uids, set) => {
  expect(formatUidSet(uids)).toBe(set);
});

test.each([
  ['1:3,7', [1, 2, 3, 7]],
  ['7,3:1', [1, 2, 3, 7]],
  ['1:4294967295', Array.from({ length: 100 }, (_, i) => i + 1)],
  ['*', []],
  ['x,5,,6:y', [5]],
  ['0,200', []],
])('%s is read within the range that was asked for', (set, uids) => {
  expect(parseUidSet(set, 1, 100, 100)).toEqual(uids);
});

test('a set that names more than a listing can hold is refused before it is written out', () => {
  const read = () => parseUidSet('1:4294967295', 1, 4_294_967_294, 1_000_000);
  expect(read).toThrow(expect.objectContaining({ code: 'imap-response-too-large' }));
});

describe('windows over a large folder', () => {
  /** A folder behind the one method of imapflow that a listing needs, which counts its answers. */
  function largeFolder(uids: number[]) {
    const sizes: number[] = [];
    const client = {
      mailbox: { exists: uids.length },
      capabilities: new Map(),
      search: async ({ uid }: SearchObject) => {
        const [lowest = 0, highest = 0] = String(uid).split(':').map(Number);
        const found = uids.filter((each) => each >= lowest && each <= highest);
        sizes.push(found.length);
        return found;
      },
    };
    const connection = {
      client: client as unknown as ImapConnection['client'],
      socket: new Socket(),
      fault: undefined,
    };
    return { folder: { connection }, sizes };
  }

  async function listAll(
    folder: { connection: ImapConnection },
    highest: number,
    direction: 'ascending' | 'descending',
  ): Promise<number[]> {
    const found: number[] = [];
    for await (const uids of listUids(folder, { lowest: 1, highest }, { direction })) {
      for (const uid of uids) found.push(uid);
    }
    return found;
  }

  test('a dense folder is listed in answers of one window', async () => {
    const uids = Array.from({ length: 120_000 }, (_, i) => i + 1);
    for (const direction of ['ascending', 'descending'] as const) {
      const { folder, sizes } = largeFolder(uids);
      const found = await listAll(folder, 120_000, direction);
      expect(found).toEqual(direction === 'ascending' ? uids : uids.toReversed());
      expect(sizes).toHaveLength(3);
      expect(Math.max(...sizes)).toBe(50_000);
    }
  });

  test('a sparse folder does not cost a question per window', async () => {
    const uids = Array.from({ length: 60_000 }, (_, i) => (i + 1) * 500);
    const { folder, sizes } = largeFolder(uids);
    expect(await listAll(folder, 30_000_000, 'descending')).toEqual(uids.toReversed());
    expect(sizes.length).toBeLessThan(40);
  });
});
