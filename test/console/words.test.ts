import { describe, expect, it } from 'vitest';

interface Words {
  stateSentence: (capability: object, at: { rate: number | undefined; nowMs: number }) => string;
  duration: (seconds: number) => string;
  percent: (share: number) => string;
  clock: (instant: string, nowMs: number) => string;
}
interface Events {
  createEventParser: (onEvent: (event: { type: string; data: string }) => void) => {
    push(text: string): void;
  };
}
interface Rates {
  createRate: () => { add(stored: number, atMs: number): void; perSecond(nowMs: number): number };
}

/** The pages' own modules, as a browser loads them; they have no types to import. */
const load = async <T>(name: string): Promise<T> =>
  (await import(new URL(`../../api/console/${name}`, import.meta.url).href)) as T;

const { stateSentence, duration, percent, clock } = await load<Words>('words.js');
const { createEventParser } = await load<Events>('events.js');
const { createRate } = await load<Rates>('rate.js');

const nowMs = new Date(2026, 10, 24, 10, 0).getTime();
const facts = {
  ...{ stored: 0, expected: 0, lagSeconds: 0, watchAgeSeconds: 3, nextAttemptAt: null },
  ...{ reason: null, lastError: null },
};
const say = (more: object, rate?: number) => stateSentence({ ...facts, ...more }, { rate, nowMs });

describe('states in words', () => {
  it('counts an import, and estimates only what can be estimated', () => {
    const importing = { state: 'backfilling', stored: 1_204, expected: 3_000 };
    expect(say(importing, 410)).toBe(
      'Importing history: 1,204 of 3,000 messages, 410 per second, about 4 s left',
    );
    expect(say(importing)).toBe('Importing history: 1,204 of 3,000 messages');
    expect(say(importing, 0)).toBe('Importing history: 1,204 of 3,000 messages');
    expect(say({ state: 'backfilling' })).toBe('Importing history: reading the folders');
  });

  it('says how fresh a live connection is', () => {
    expect(say({ state: 'live' })).toBe('Live: up to date, server heard 3 s ago');
    expect(say({ state: 'live', watchAgeSeconds: null })).toBe('Live: up to date');
    expect(say({ state: 'live', lagSeconds: 120 })).toBe('Live: 2 min behind');
    expect(say({ state: 'live', lagSeconds: null })).toBe('Live: looking for changes');
  });

  it('names the time of the next attempt, and the cause of trouble', () => {
    const nextAttemptAt = new Date(2026, 10, 24, 10, 31).toISOString();
    expect(say({ state: 'throttled', nextAttemptAt })).toBe('Waiting for the server until 10:31');
    expect(say({ state: 'degraded', reason: 'provider-down', nextAttemptAt })).toBe(
      'In trouble: the server does not answer; next attempt at 10:31',
    );
    expect(clock(new Date(2026, 10, 25, 8, 5).toISOString(), nowMs)).toBe('25 Nov, 08:05');
  });

  it('rounds so that nothing looks better than it is', () => {
    expect(percent(0.99999)).toBe('99.9 %');
    expect(percent(1)).toBe('100 %');
    expect([4, 89, 300, 7_200, 200_000].map(duration)).toEqual([
      ...['4 s', '89 s', '5 min', '2 h', '2 days'],
    ]);
  });
});

describe('the event stream', () => {
  it('is read whatever pieces and line endings it comes in', () => {
    const text = 'event: connection\r\ndata: {"a":\r\ndata: 1}\r\n\r\n: still here\n\ndata:x\n\n';
    for (let size = 1; size <= text.length; size += 1) {
      const events: { type: string; data: string }[] = [];
      const parser = createEventParser((event) => events.push(event));
      for (let at = 0; at < text.length; at += size) parser.push(text.slice(at, at + size));
      expect(events).toEqual([
        { type: 'connection', data: '{"a":\n1}' },
        { type: 'message', data: 'x' },
      ]);
    }
  });
});

describe('the rate', () => {
  it('follows the last seconds, and falls to nothing when nothing comes', () => {
    const rate = createRate();
    expect(rate.perSecond(0)).toBeUndefined();
    for (let second = 0; second <= 20; second += 1) rate.add(second * 100, second * 1_000);
    expect(rate.perSecond(20_000)).toBe(100);
    expect(rate.perSecond(40_000)).toBe(0);
    rate.add(5, 41_000);
    expect(rate.perSecond(42_000)).toBe(0);
  });
});
