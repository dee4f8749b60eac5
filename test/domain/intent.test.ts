import { describe, expect, it } from 'vitest';
import {
  chainFolderIntents,
  foldIntents,
  keywordsChange,
  noFlagsChange,
  overlayFlags,
  overlayKeywords,
  overlayPath,
  type MessageIntent,
} from '../../domain/intent.ts';
import { mailFlags } from '../../domain/mail.ts';

const { seen, flagged } = mailFlags;

let counter = 0;
function intent(parts: Partial<MessageIntent>): MessageIntent {
  counter += 1;
  const base = { id: String(counter), messageId: 'm', kind: 'flags', folderId: null } as const;
  return { ...base, ...noFlagsChange, ...parts };
}

const folded = (...intents: MessageIntent[]) => foldIntents(intents).get('m')!;

describe('intents about a message', () => {
  it.each([
    ['read, then unread', [{ addFlags: seen }, { removeFlags: seen }], seen, 0],
    ['unread, then read', [{ removeFlags: seen }, { addFlags: seen }], 0, seen],
    ['read and flagged', [{ addFlags: seen }, { addFlags: flagged }], 0, seen | flagged],
    ['another flag stays', [{ addFlags: seen }], flagged, seen | flagged],
  ])('%s: the last wish counts', (_, changes, before, after) => {
    const { flags, intents } = folded(...changes.map(intent));
    expect(overlayFlags(before, flags)).toBe(after);
    expect(flags.addFlags & flags.removeFlags).toBe(0);
    expect(intents.flags).toHaveLength(changes.length);
  });

  it('keywords are a difference, so that those of other clients stay', () => {
    const asked = keywordsChange(['a', 'b'], ['b', 'c', 'c']);
    expect(asked).toMatchObject({ addKeywords: ['c'], removeKeywords: ['a'] });
    expect(overlayKeywords(['a', 'b', 'theirs'], asked)).toEqual(['b', 'theirs', 'c']);
    const back = keywordsChange(['b', 'c'], ['a', 'b']);
    const { flags } = folded(intent(asked), intent(back));
    expect(overlayKeywords(['a', 'b', 'theirs'], flags)).toEqual(['a', 'b', 'theirs']);
  });

  it('of several moves the last one counts', () => {
    const [first, last] = [
      intent({ kind: 'move', folderId: 'one' }),
      intent({ kind: 'move', folderId: 'two' }),
    ];
    const { folderId, intents } = folded(first, intent({ addFlags: seen }), last);
    expect(folderId).toBe('two');
    expect(intents).toMatchObject({ move: [last.id], overtaken: [first.id] });
  });

  it('a deletion makes everything else moot, whenever it was asked', () => {
    const before = [intent({ addFlags: seen }), intent({ kind: 'move', folderId: 'one' })];
    const deletion = intent({ kind: 'delete' });
    const after = intent({ removeFlags: seen });
    const { deleted, folderId, flags, intents } = folded(...before, deletion, after);
    expect({ deleted, folderId, flags }).toEqual({
      ...{ deleted: true, folderId: undefined, flags: noFlagsChange },
    });
    expect(intents.delete).toEqual([deletion.id]);
    expect(intents.overtaken.toSorted()).toEqual([...before, after].map(({ id }) => id).toSorted());
  });

  it('messages don’t mix', () => {
    const changes = foldIntents([
      intent({ addFlags: seen }),
      intent({ messageId: 'other', kind: 'delete' }),
    ]);
    expect(changes.get('m')?.deleted).toBe(false);
    expect(changes.get('other')?.deleted).toBe(true);
  });
});

describe('intents about folders', () => {
  const rename = (folderId: string, from: string[], path: string[]) => ({
    ...{ kind: 'rename-folder' as const, folderId, from, path },
  });
  const chained = chainFolderIntents([
    rename('a', ['A'], ['B']),
    rename('c', ['A', 'C'], ['B', 'D']),
    rename('a', ['A'], ['E']),
    { kind: 'delete-folder', folderId: 'x', from: ['X'], path: [] },
  ]);

  it.each([
    ['a', ['A'], ['E']],
    ['c', ['A', 'C'], ['E', 'D']],
    ['other', ['A', 'F'], ['E', 'F']],
    ['y', ['AB'], ['AB']],
    ['x', ['X'], undefined],
  ])('folder %s: %o → %o', (id, path, expected) => {
    expect(overlayPath(path, id, chained)).toEqual(expected);
  });
});
