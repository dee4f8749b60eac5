import type { MessageStructureObject } from 'imapflow';
import { expect, test } from 'vitest';
import { planStructure } from '../../../providers/imap/body-structure.ts';

type Node = MessageStructureObject;

const text = (part: string, more: Partial<Node> = {}): Node => ({
  part,
  type: 'text/plain',
  encoding: '7bit',
  size: 10,
  ...more,
});
const multipart = (childNodes: Node[]): Node => ({ type: 'multipart/mixed', childNodes });
const parts = (root: Node) => {
  const plan = planStructure(root);
  return plan && [plan.leaves.map((leaf) => leaf.part), plan.attachments.map((each) => each.part)];
};

test('a message of one part has the section 1', () => {
  const { part: _, ...root } = text('');
  expect(parts(root)).toEqual([['1'], []]);
});

test.each([
  ['an attachment disposition', { disposition: 'ATTACHMENT' }],
  ['a file name', { dispositionParameters: { filename: 'a.txt' } }],
  ['a name', { parameters: { name: 'a.txt' } }],
  ['another type', { type: 'text/calendar' }],
  ['the shape of a message', { type: 'message/rfc822', childNodes: [text('2')] }],
])('text with %s is not fetched', (_what, more) => {
  expect(parts(multipart([text('1'), text('2', more)]))).toEqual([['1'], ['2']]);
});

test('inline text without a name is fetched, in the order of the message', () => {
  const root = multipart([
    text('1', { type: 'text/html', disposition: 'inline' }),
    { type: 'image/png', part: '2', size: 5, disposition: 'inline' },
    text('3'),
  ]);
  expect(parts(root)).toEqual([['1', '3'], ['2']]);
});

test('beyond twenty leaves, or eight megabytes of them, text is only named', () => {
  const many = Array.from({ length: 25 }, (_, i) => text(`${i + 1}`));
  expect(planStructure(multipart(many))).toMatchObject({
    leaves: { length: 20 },
    attachments: { length: 5 },
  });
  const large = Array.from({ length: 6 }, (_, i) => text(`${i + 1}`, { size: 50_000_000 }));
  expect(planStructure(multipart(large))).toMatchObject({
    leaves: { length: 4 },
    attachments: { length: 2 },
    bytes: 8 * 1024 * 1024,
  });
});

test('too deep and too wide structures have no plan', () => {
  let deep = text('1');
  for (let i = 0; i < 50; i += 1) deep = multipart([deep]);
  expect(parts(deep)).toBeUndefined();
  const wide = Array.from({ length: 1_000 }, (_, i) => text(`${i + 1}`));
  expect(parts(multipart(wide))).toBeUndefined();
});
