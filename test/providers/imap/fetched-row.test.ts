import parse from 'imapflow/lib/handler/imap-parser.js';
import { expect, test } from 'vitest';
import {
  readFetchedRow,
  type FetchedRow,
  type Token,
} from '../../../providers/imap/fetched-row.ts';

/** Reads a row as a server writes it; literals stand for `{n}` in their order. */
async function read(items: string, literals: string[] = []): Promise<FetchedRow | undefined> {
  const line = Buffer.from(`* 7 FETCH (${items})`);
  const { attributes } = await parse(line, { literals: literals.map((text) => Buffer.from(text)) });
  return readFetchedRow(attributes?.[1] as unknown as Token[]);
}

test('every item that is asked for, in any order and any case', async () => {
  const row = await read(
    'modseq (9223372036854775807) FLAGS (\\Seen $work) UID 12 RFC822.SIZE 44 ' +
      'INTERNALDATE "17-Jul-1996 02:44:25 -0700" X-GM-LABELS (\\Inbox "a b") ' +
      'EMAILID (M1) THREADID (T1) BODYSTRUCTURE ("text" "plain" NIL NIL NIL "7bit" 3 1)',
  );
  expect(row).toEqual({
    ...{ uid: 12, flags: new Set(['\\Seen', '$work']), labels: ['\\Inbox', 'a b'] },
    ...{ modseq: 2n ** 63n - 1n, size: 44, internalDate: new Date('1996-07-17T09:44:25Z') },
    ...{ emailId: 'M1', threadId: 'T1', sections: new Map() },
    structure: expect.objectContaining({ type: 'text/plain', encoding: '7bit', size: 3 }),
  });
});

test('ids of a host that has its own', async () => {
  const row = await read('UID 1 X-GM-MSGID 1278455344230334865 X-GM-THRID 1266894439832287888');
  expect(row).toMatchObject({ emailId: '1278455344230334865', threadId: '1266894439832287888' });
});

test('sections as literals, as strings, and not at all', async () => {
  const items =
    'UID 1 BODY[HEADER]<0> {3}\r\n BODY[1.2]<0> "gr\u00fcn" body[2] NIL BODY[] {0}\r\n BODY (x)';
  const row = await read(items, ['abc', '']);
  expect(row?.sections).toEqual(
    new Map([
      ['HEADER', Buffer.from('abc')],
      ['1.2', Buffer.from('gr\u00fcn')],
    ]),
  );
});

test.each([
  ['no UID', 'FLAGS (\\Seen)'],
  ['a UID that is none', 'UID x'],
  ['a UID of more than 32 bits', 'UID 99999999999'],
  ['a UID that is a list', 'UID (1)'],
])('a row with %s speaks of no message', async (_name, items) => {
  expect(await read(items)).toBeUndefined();
});

test('values that cannot be read are left out', async () => {
  const row = await read(
    'UID 1 MODSEQ (x) MODSEQ 5 EMAILID NIL THREADID NIL FLAGS NIL BODYSTRUCTURE NIL ' +
      'RFC822.SIZE NIL (UID) 4 NIL 5 UNKNOWN 6 BODY[1]<0>',
  );
  expect(row).toEqual({ uid: 1, flags: new Set(), size: 0, sections: new Map() });
  expect((await read('UID 1 INTERNALDATE "never"'))?.internalDate?.getTime()).toBeNaN();
});
