import { describe, expect, it } from 'vitest';
import { findFaults, type Evidence } from './judge.ts';
import type { Asked, Promised } from './own-changes.ts';
import { createTouches } from './touches.ts';

/** The judge of the stream is judged itself: what it must find, and what it must not. */

type AskedLetter = Extract<Asked, { about: 'letter' }>;

const read: Promised = { read: true, flagged: false, labels: [], folders: ['INBOX'] };
const labelled: Promised = { ...read, labels: ['CRM'] };

/** When the last attempt of every intent was under way. */
const storing = {
  attemptedAt: '2026-01-01T00:00:01.000Z',
  finishedAt: '2026-01-01T00:00:01.050Z',
};

function askOf(
  message: string,
  promised: Promised | undefined,
  intent: string,
  change: AskedLetter['change'] = promised && { read: true },
): AskedLetter {
  const place = { folder: 'INBOX', uid: 7 };
  return { about: 'letter', token: '1', message, ...place, change, promised, intents: [intent] };
}

function evidence(flags: string[], changed: Partial<Evidence> = {}): Evidence {
  const done = { ...storing, kind: 'flags', state: 'done', reason: null } as const;
  return {
    level: 'plain',
    intents: new Map(['i1', 'i2'].map((id) => [id, done])),
    places: new Map([['1', [{ folder: 'INBOX', uid: 7, flags }]]]),
    folders: ['INBOX'],
    touches: createTouches(),
    copied: new Set(),
    ...changed,
  };
}

describe('the judge of the stream', () => {
  it('holds the last change of a letter due', () => {
    const asked = [
      askOf('msg_1', labelled, 'i1', { keywords: ['CRM'] }),
      askOf('msg_1', read, 'i2', { keywords: [] }),
    ];
    expect(findFaults(asked, evidence(['\\Seen']))).toEqual([]);
    expect(findFaults(asked, evidence(['\\Seen', 'CRM']))).toHaveLength(1);
  });

  it('holds due what was asked under another id that the letter had for a moment', () => {
    const flagged = { ...read, read: false, flagged: true };
    const asked = [
      askOf('msg_old', flagged, 'i1', { flagged: true }),
      askOf('msg_new', read, 'i2', { read: true }),
    ];
    expect(findFaults(asked, evidence(['\\Seen', '\\Flagged']))).toEqual([]);
    expect(findFaults(asked, evidence(['\\Seen']))).toHaveLength(1);
    expect(findFaults(asked, evidence(['\\Flagged']))).toHaveLength(1);
    const elsewhere = [askOf('msg_old', { ...read, folders: ['Trash'] }, 'i1', { trash: true })];
    const both = [...elsewhere, askOf('msg_new', read, 'i2')];
    expect(findFaults(both, evidence(['\\Seen']))).toHaveLength(1);
    const kept = [
      askOf('msg_old', labelled, 'i1', { keywords: ['CRM'] }),
      askOf('msg_new', read, 'i2'),
    ];
    expect(findFaults(kept, evidence(['\\Seen', 'CRM']))).toEqual([]);
  });

  it('finds a change that left no trace, unless another client had a hand in it', () => {
    const asked = [askOf('msg_1', read, 'i1')];
    expect(findFaults(asked, evidence([]))).toHaveLength(1);
    const touches = createTouches();
    touches.letters(['1'], 'flags');
    expect(findFaults(asked, evidence([], { touches }))).toEqual([]);
  });

  it('forgives a mark lost in a move of the same moment, and in none before or after', () => {
    const asked = [askOf('msg_1', read, 'i1')];
    const movedAt = (from: string, to: string, token = '1') => {
      const touches = createTouches();
      touches.letters([token], 'place');
      touches.moved([token], { from: Date.parse(from), to: Date.parse(to) });
      return findFaults(asked, evidence([], { touches }));
    };
    expect(movedAt('2026-01-01T00:00:00.990Z', '2026-01-01T00:00:01.010Z')).toEqual([]);
    expect(movedAt('2026-01-01T00:00:01.040Z', '2026-01-01T00:00:01.090Z')).toEqual([]);
    expect(movedAt('2026-01-01T00:00:00.900Z', '2026-01-01T00:00:00.990Z')).toHaveLength(1);
    expect(movedAt('2026-01-01T00:00:01.051Z', '2026-01-01T00:00:01.090Z')).toHaveLength(1);
    expect(movedAt('2026-01-01T00:00:01.000Z', '2026-01-01T00:00:01.050Z', '2')).toHaveLength(1);
  });

  it('finds a letter that is doubled, lost, elsewhere, or back from the dead', () => {
    const asked = [askOf('msg_1', read, 'i1')];
    const place = { folder: 'INBOX', uid: 7, flags: ['\\Seen'] };
    const lying = (...places: (typeof place)[]) =>
      findFaults(asked, evidence([], { places: new Map([['1', places]]) }));
    expect(lying(place)).toEqual([]);
    expect(lying(place, { ...place, uid: 8 })).toHaveLength(1);
    expect(lying()).toHaveLength(1);
    expect(lying({ ...place, folder: 'Trash' })).toHaveLength(1);
    const deleted = { ...storing, kind: 'delete', state: 'done', reason: null } as const;
    const intents = new Map([['i1', deleted]]);
    const gone = [askOf('msg_1', undefined, 'i1')];
    expect(findFaults(gone, evidence(['\\Seen'], { intents }))).toHaveLength(1);
  });

  it('believes that a folder was not emptied where a move was refused, and only there', () => {
    const deletion: Asked = { about: 'folder', from: 'Box', to: undefined, intents: ['i2'] };
    const judged = (move: 'done' | 'refused') => {
      const ended = { ...storing, kind: 'move' as const, state: move, reason: 'message-gone' };
      const kept = { ...storing, kind: 'delete-folder' as const, state: 'refused' as const };
      const refused = { ...kept, reason: 'folder-not-emptied' };
      const intents: Evidence['intents'] = new Map(Object.entries({ i1: ended, i2: refused }));
      return findFaults([deletion], evidence([], { intents }));
    };
    expect(judged('refused')).toEqual([]);
    expect(judged('done')).toHaveLength(1);
  });

  it('finds an intent that is lost, still waits, or was refused for a reason that is not true', () => {
    const asked = [askOf('msg_1', read, 'i1')];
    const ended = (state: 'pending' | 'refused', reason: string | null) => {
      const intents = new Map([['i1', { ...storing, kind: 'flags' as const, state, reason }]]);
      return findFaults(asked, evidence([], { intents })).map(({ what }) => what);
    };
    expect(findFaults(asked, evidence(['\\Seen'], { intents: new Map() }))[0]?.what).toContain(
      'is lost',
    );
    expect(ended('pending', null)[0]).toContain('still pending');
    expect(ended('refused', 'imap-refused')[0]).toContain('was refused: imap-refused');
  });
});
