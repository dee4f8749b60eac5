import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';

/** The failure modes that a mailbox over IMAP can meet, by their numbers in the list of twenty. */
const apply = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 19, 20];

/** Why the others have no file here. */
const elsewhere: Readonly<Record<number, string>> = {
  14: 'Tokens that are refreshed come with the providers that hand them out by OAuth.',
  17: 'Mail is not sent yet: twice or not at all is a matter of sending.',
  18: 'Recurring events belong to calendars, which IMAP has none of.',
};

const named = /^(\d{2})-[a-z0-9-]+\.test\.ts$/;

/** Numbers that names of files begin with. */
function modesIn(names: readonly string[]): number[] {
  return names.flatMap((name) => named.exec(name)?.[1] ?? []).map(Number);
}

test('every failure mode that applies has a test that is named after it, once', () => {
  const found = modesIn(readdirSync(new URL('.', import.meta.url)));
  expect(found.toSorted((a, b) => a - b)).toEqual(apply);
});

test('all twenty are accounted for', () => {
  const all = [...apply, ...Object.keys(elsewhere).map(Number)].toSorted((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
});

test('a mode without a file would be missed', () => {
  expect(modesIn(['07-one.test.ts', '8-two.test.ts', '09-three.ts', 'list.test.ts'])).toEqual([7]);
});
