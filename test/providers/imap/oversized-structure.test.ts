import { expect, test } from 'vitest';
import { structureTokensMax } from '../../../providers/imap/bounds.ts';
import { oversized, withoutOversized } from '../../../providers/imap/oversized-structure.ts';

const part = '("text" "plain" NIL NIL NIL "7bit" 0 0 NIL NIL NIL NIL)';
const bomb = `(${part.repeat(9_900)} "mixed" ("boundary" "b") NIL NIL NIL)`;

/** Reads one line, whose literals are named in braces by their lengths. */
function cut(text: string, literals: string[] = []): { text: string; literals: string[] } {
  const line = withoutOversized({
    payload: Buffer.from(text, 'latin1'),
    literals: literals.map((each) => Buffer.from(each)),
  });
  return { text: line.payload.toString('latin1'), literals: line.literals.map(String) };
}

test('a structure of too many tokens is cut out of its row, and nothing else', () => {
  const row = (structure: string): string =>
    `* 7 FETCH (UID 9 FLAGS (\\Seen) BODYSTRUCTURE ${structure} BODY[HEADER]<0> {3}\r\n)`;
  expect(cut(row(bomb), ['a:b'])).toEqual({ text: row(oversized), literals: ['a:b'] });
  expect(cut(row(bomb).replace('BODYSTRUCTURE', 'bodystructure'), ['a:b']).literals).toEqual([
    'a:b',
  ]);
});

test('its literals go with it, those before and behind it stay in their places', () => {
  const inside = bomb.replace('"boundary"', '{1}\r\n').replace('"mixed"', '{5}\r\n');
  const row = (structure: string): string =>
    `* 7 FETCH (BODY[1]<0> {6}\r\n BODYSTRUCTURE ${structure} BODY[HEADER]<0> {6}\r\n UID 9)`;
  const { text, literals } = cut(row(inside), ['before', 'mixed', 'b', 'behind']);
  expect(text).toBe(row(oversized));
  expect(literals).toEqual(['before', 'behind']);
});

test('parentheses and quotes inside strings end nothing', () => {
  const names = bomb.replace('"boundary" "b"', '"name" "a) \\" (b" "odd" ")))"');
  expect(cut(`* 7 FETCH (BODYSTRUCTURE ${names} UID 9)`).text).toBe(
    `* 7 FETCH (BODYSTRUCTURE ${oversized} UID 9)`,
  );
});

test.each([
  ['a structure of long names', `* 7 FETCH (BODYSTRUCTURE ("a" "${'x'.repeat(200_000)}") UID 9)`],
  ['a long list of flags', `* 7 FETCH (FLAGS (${'a '.repeat(structureTokensMax + 1)}) UID 9)`],
  ['a structure without an end', `* 7 FETCH (UID 9 BODYSTRUCTURE ${bomb.slice(0, -1)})`],
  ['a string without an end', `* 7 FETCH (UID 9 BODYSTRUCTURE ${bomb} X "abc)`],
  ['a literal that is not there', `* 7 FETCH (UID 9 BODYSTRUCTURE ${bomb} BODY[1] {3}\r\n)`],
  ['another answer', `* SEARCH (BODYSTRUCTURE ${bomb})`],
  ['a word of the sender', `* 7 FETCH (UID 9 X "BODYSTRUCTURE" (${bomb}) Y "BODYSTRUCTURE (")`],
])('%s is left to the parser', (_what, text) => {
  expect(cut(text).text).toBe(text);
});
