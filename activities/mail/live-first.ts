import { secondMs } from '../../domain/clock.ts';
import { pause } from '../pause.ts';

/**
 * New mail goes before history. The two loops of a mailbox meet in the database (threads are linked
 * by one of them at a time) and on the processor: a page of history takes both for a fifth of a
 * second. So the backfill of a mailbox pauses between pages while the live loop of the same mailbox
 * is at work in this process, or is about to be. Elsewhere they merely take turns.
 */

/** A live slice that takes longer has a lot to store; from then on the two take turns. */
const giveWayMaxMs = secondMs;

/** From a poke to the slice that it causes, on a busy machine. */
const expectedMs = 500;

interface LiveWork {
  slices: number;
  expectedUntil: number;
  /** Those who give way; called when the last slice ends. */
  waiting: Set<() => void>;
}

const liveWork = new Map<string, LiveWork>();

/** A poke was sent: a live slice of this connection will begin in a moment. */
export function expectLiveSlice(connectionId: string): void {
  workOf(connectionId).expectedUntil = Date.now() + expectedMs;
  // A slice in another process, or none at all, must not be remembered for ever.
  setTimeout(() => forgetIfOver(connectionId), expectedMs + 1).unref();
}

/** Runs a live slice; the backfill of its connection gives way meanwhile. */
export async function goFirst<T>(connectionId: string, slice: () => Promise<T>): Promise<T> {
  const work = workOf(connectionId);
  work.slices += 1;
  work.expectedUntil = 0;
  try {
    return await slice();
  } finally {
    work.slices -= 1;
    if (work.slices === 0) for (const proceed of work.waiting) proceed();
    forgetIfOver(connectionId);
  }
}

/** Waits until no live slice of the connection is at work or expected, for a second at most. */
export async function giveWay(connectionId: string): Promise<void> {
  const until = Date.now() + giveWayMaxMs;
  for (;;) {
    const work = liveWork.get(connectionId);
    if (!work) return;
    const end = work.slices > 0 ? until : Math.min(work.expectedUntil, until);
    const leftMs = end - Date.now();
    if (leftMs <= 0) return;
    await endOrTime(work, leftMs);
  }
}

async function endOrTime(work: LiveWork, ms: number): Promise<void> {
  const over = new AbortController();
  const ended = new Promise<void>((resolve) => {
    work.waiting.add(resolve);
    over.signal.addEventListener('abort', () => work.waiting.delete(resolve), { once: true });
  });
  await Promise.race([ended, pause(ms, over.signal)]);
  over.abort();
}

function workOf(connectionId: string): LiveWork {
  const work = liveWork.get(connectionId) ?? { slices: 0, expectedUntil: 0, waiting: new Set() };
  liveWork.set(connectionId, work);
  return work;
}

function forgetIfOver(connectionId: string): void {
  const work = liveWork.get(connectionId);
  if (work?.slices === 0 && work.expectedUntil <= Date.now()) liveWork.delete(connectionId);
}
