import { expect, test } from 'vitest';
import { expectLiveSlice, giveWay, goFirst } from '../../activities/mail/live-first.ts';

/** A slice that ends when it is told to. */
function startSlice(connection: string): { end(): Promise<void> } {
  let finish: () => void = () => undefined;
  const work = new Promise<void>((resolve) => (finish = resolve));
  const slice = goFirst(connection, () => work);
  return {
    end: async () => {
      finish();
      await slice;
    },
  };
}

async function passes(connection: string): Promise<boolean> {
  const way = giveWay(connection).then(() => true);
  return await Promise.race([way, new Promise<false>((resolve) => setImmediate(resolve, false))]);
}

test('history waits while new mail of the same mailbox is at work', async () => {
  expect(await passes('a')).toBe(true);
  const slice = startSlice('a');
  expect(await passes('a')).toBe(false);
  expect(await passes('b')).toBe(true);
  const waiting = giveWay('a');
  await slice.end();
  await waiting;
  expect(await passes('a')).toBe(true);
});

test('a live slice that fails is over as well', async () => {
  const slice = goFirst('a', () => Promise.reject(new Error('no connection')));
  await expect(slice).rejects.toThrow('no connection');
  expect(await passes('a')).toBe(true);
});

test('history goes on beside a live slice that takes long', async () => {
  const slice = startSlice('a');
  const began = performance.now();
  await giveWay('a');
  expect(performance.now() - began).toBeGreaterThan(500);
  await slice.end();
});

test('history waits for the slice that a poke announced, and not for one that never comes', async () => {
  expectLiveSlice('a');
  expect(await passes('a')).toBe(false);
  const slice = startSlice('a');
  const waiting = giveWay('a');
  await slice.end();
  await waiting;
  expectLiveSlice('a');
  await giveWay('a');
  expect(await passes('a')).toBe(true);
});
