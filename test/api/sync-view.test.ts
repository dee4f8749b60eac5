import { describe, expect, it } from 'vitest';
import { viewSync } from '../../api/sync-view.ts';
import type { ProgressRow } from '../../db/queries/progress.ts';

const now = '2026-05-01T12:00:00Z';
const minutesAgo = (minutes: number) => new Date(Date.parse(now) - minutes * 60_000).toISOString();

const live: ProgressRow = {
  connectionId: '0199a3c4-5b7e-7d12-a4c1-f0e2d3b4a596',
  capability: 'mail',
  wanted: 'run',
  now,
  state: 'live',
  renewed: false,
  reason: null,
  stateSince: minutesAgo(600),
  lastErrorKind: null,
  lastErrorAt: null,
  nextAttemptAt: null,
  caughtUpAt: minutesAgo(1),
  behindSince: null,
  watchSeenAt: null,
  backfillDoneAt: minutesAgo(500),
  stored: 10,
  expected: 10,
  skips: 0,
  deletionsHeld: 0,
  abilities: null,
  reconciliation: null,
};

const view = (changes: Partial<ProgressRow>) => viewSync({ ...live, ...changes });

describe('viewSync', () => {
  it('has no lag while nothing is known to be missing', () => {
    expect(view({})).toEqual({
      state: 'live',
      reason: null,
      lagSeconds: 0,
      watchAgeSeconds: null,
      completeness: 1,
    });
  });

  it('counts lag from the first sign of a change', () => {
    expect(view({ behindSince: minutesAgo(3) }).lagSeconds).toBe(180);
  });

  it('counts lag from the last look when the next one is overdue', () => {
    expect(view({ caughtUpAt: minutesAgo(9) }).lagSeconds).toBe(0);
    expect(view({ caughtUpAt: minutesAgo(30) }).lagSeconds).toBe(1_800);
    const watched = { caughtUpAt: minutesAgo(30), watchSeenAt: minutesAgo(2) };
    expect(view(watched).lagSeconds).toBe(0);
    const watchLost = { caughtUpAt: minutesAgo(30), watchSeenAt: minutesAgo(40) };
    expect(view(watchLost).lagSeconds).toBe(1_800);
  });

  it('does not call live what has been behind for long', () => {
    expect(view({ caughtUpAt: minutesAgo(90) })).toMatchObject({
      state: 'degraded',
      reason: 'behind',
      completeness: null,
    });
  });

  it('does not know the lag before the first look', () => {
    expect(view({ state: 'connecting', caughtUpAt: null }).lagSeconds).toBeNull();
  });

  it('states completeness only when the counts explain everything', () => {
    expect(view({ stored: 9, skips: 1 }).completeness).toBe(0.9);
    expect(view({ stored: 9 }).completeness).toBeNull();
    expect(view({ stored: 0, expected: 0 }).completeness).toBe(1);
    expect(view({ backfillDoneAt: null }).completeness).toBeNull();
  });

  it('shows at once what a person asked for', () => {
    expect(view({ wanted: 'paused' }).state).toBe('paused');
    expect(view({ wanted: 'disconnected' }).state).toBe('disconnecting');
    expect(view({ wanted: 'disconnected', state: 'disconnected' }).state).toBe('disconnected');
    expect(view({ wanted: 'run', state: 'paused' }).state).toBe('connecting');
    expect(
      view({ state: 'needs-reauth', reason: 'imap-login-failed', renewed: true }),
    ).toMatchObject({ state: 'connecting', reason: null });
    expect(view({ state: 'live', renewed: true }).state).toBe('live');
    expect(view({ state: 'throttled', reason: 'rate-limited' })).toMatchObject({
      state: 'throttled',
      reason: 'rate-limited',
    });
  });
});
