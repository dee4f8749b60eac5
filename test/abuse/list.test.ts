import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** The cases that apply to mail over IMAP, by their numbers in the list of abuse cases. */
const apply = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  ...[29, 30, 31, 33, 34, 35, 36, 38, 39, 42],
  ...[56, 57],
];

/** What of these waits for something that is not built yet. */
const later: Readonly<Record<number, string>> = {
  6: 'SMTP has no adapter yet: its ports and its banner follow with sending.',
  34: 'Recordings, exports, requests of data subjects and certificates do not exist yet.',
};

const folder = new URL('.', import.meta.url);

/** Numbers of the cases that the texts of tests begin with. */
function casesIn(text: string): number[] {
  return [...text.matchAll(/['"`]abuse case (\d+): /g)].map(([, number]) => Number(number));
}

test('every abuse case that applies has a test that is named after it', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
  const found = new Set(
    files.flatMap((name) => casesIn(readFileSync(new URL(name, folder), 'utf8'))),
  );
  expect(apply.filter((number) => !found.has(number))).toEqual([]);
  expect(Object.keys(later).filter((number) => !apply.includes(Number(number)))).toEqual([]);
});

test('a case without a test would be missed', () => {
  expect(casesIn("it('abuse case 7: a scan')")).toEqual([7]);
  expect(casesIn('// abuse case 8: only spoken of')).toEqual([]);
});
