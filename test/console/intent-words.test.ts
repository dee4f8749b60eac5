import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { intentKinds } from '../../domain/intent.ts';

interface IntentWords {
  pendingSentence: (intents: { pending: number }) => string;
  intentWords: Record<string, string>;
  refusalWords: (reason: string) => string;
}
interface CompletenessWords {
  completenessSentence: (facts: { reconciliation: object | null }, nowMs: number) => string;
  comparingSentence: (state: string) => string;
}

const load = async <T>(name: string): Promise<T> =>
  (await import(new URL(`../../api/console/${name}`, import.meta.url).href)) as T;
const { pendingSentence, intentWords, refusalWords } = await load<IntentWords>('intent-words.js');
const { completenessSentence, comparingSentence } =
  await load<CompletenessWords>('completeness-words.js');

describe('intents in words', () => {
  it('counts what waits, and is silent when nothing does', () => {
    expect([0, 1, 3_000].map((pending) => pendingSentence({ pending }))).toEqual([
      ...['', '1 change on its way to the server', '3,000 changes on their way to the server'],
    ]);
  });

  it('has words for every kind, and for every reason that refuses a change', () => {
    expect(Object.keys(intentWords)).toEqual([...intentKinds]);
    const ours = ['no-effect', 'message-gone', 'folder-not-synced'];
    const theirs = ['providers/imap/write', 'activities/mail/intents'].flatMap(codesIn);
    const reasons = [...ours, ...theirs];
    expect(reasons).toContain('imap-over-quota');
    expect(reasons.filter((reason) => refusalWords(reason) === reason)).toEqual([]);
  });
});

describe('a reconciliation in words', () => {
  const nowMs = Date.UTC(2026, 10, 24, 12);
  const finishedAt = new Date(nowMs - 7_200_000).toISOString();
  const say = (listed: number, stored: number, missingBefore: number, missingAfter: number) =>
    completenessSentence(
      { reconciliation: { finishedAt, listed, stored, missingBefore, missingAfter } },
      nowMs,
    );

  it('says what was compared when, what was missing, and what is still', () => {
    expect(say(3_004, 3_004, 0, 0)).toBe('3,004 of 3,004 messages, compared 2 h ago');
    expect(say(3_004, 3_004, 11, 0)).toBe(
      '3,004 of 3,004 messages, compared 2 h ago; 11 were missing and have been read again',
    );
    expect(say(1, 1, 1, 0)).toBe(
      '1 of 1 message, compared 2 h ago; 1 was missing and has been read again',
    );
    expect(say(10, 8, 3, 2)).toBe(
      '8 of 10 messages, compared 2 h ago; 1 was missing and has been read again; ' +
        '2 could not be read',
    );
    expect(say(0, 0, 0, 0)).toBe('No messages, compared 2 h ago');
    expect(completenessSentence({ reconciliation: null }, nowMs)).toBe(
      'Not compared with the server yet',
    );
  });

  it('says when a comparison comes that was asked for', () => {
    expect(comparingSentence('live')).toMatch(/^Comparing everything/);
    expect(comparingSentence('backfilling')).toContain('once the import is done');
    expect(comparingSentence('degraded')).toContain('as soon as it can be reached');
  });
});

/** Codes of failures that the modules of a folder name. */
function codesIn(folder: string): string[] {
  const root = new URL(`../../${folder}/`, import.meta.url);
  return readdirSync(root).flatMap((name) => {
    const text = readFileSync(new URL(name, root), 'utf8');
    const codes = text.matchAll(/'(imap-[a-z-]+)'/g);
    return [...codes].map(([, code]) => code!);
  });
}
