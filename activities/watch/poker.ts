import { withFence } from '../../db/fence.ts';
import { recordBehind } from '../../db/queries/sync/status.ts';
import type { WatchedRef } from '../../db/queries/sync/watched.ts';
import { FencedError } from '../../domain/failure.ts';
import { settled, type Settled } from '../../domain/settled.ts';
import { describeError } from '../safe-failure.ts';
import type { ActivityDeps } from '../deps.ts';
import { expectLiveSlice } from '../mail/live-first.ts';
import { pause } from '../pause.ts';
import type { WatchTimes } from './watch-times.ts';

export interface Poker {
  poke(): void;
  /** Resolves when no poke is under way: until then the connection to Temporal is in use. */
  ended(): Promise<void>;
}

/**
 * Turns signs of change into pokes. The first sign pokes at once; those that come
 * meanwhile make one poke more, and while they keep coming the gaps grow: a mailbox that is filled
 * by somebody, or a server that never stops announcing, costs a few pokes a minute.
 */
export function createPoker(
  deps: ActivityDeps,
  ref: WatchedRef,
  times: WatchTimes,
  closing: AbortSignal,
): Poker {
  let again = false;
  let running: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    for (let gapMs = times.pokeGapFirstMs; again && !closing.aborted;) {
      again = false;
      await pokeOnce(deps, ref);
      await pause(gapMs, closing);
      gapMs = Math.min(gapMs * 2, times.pokeGapMaxMs);
    }
    running = undefined;
  };
  return {
    poke: () => {
      again = true;
      running ??= work();
    },
    ended: async () => await running,
  };
}

/** Pokes, and notes that the store is behind; neither waits for the other, nor needs it. */
async function pokeOnce(deps: ActivityDeps, ref: WatchedRef): Promise<void> {
  expectLiveSlice(ref.connectionId);
  const signAt = performance.now();
  const note = withFence(deps.database, ref, (tx) =>
    recordBehind(tx, ref, { agoMs: performance.now() - signAt }),
  );
  const [poked, noted] = await Promise.all([settled(deps.poke(ref.connectionId)), settled(note)]);
  // A poke is a hint: the sweep or the safety poll finds the change as well, only later.
  warnOf(deps, ref, poked, 'poke failed');
  warnOf(deps, ref, noted, 'sign of change not noted');
}

function warnOf(
  deps: ActivityDeps,
  ref: WatchedRef,
  ended: Settled<void>,
  what: 'poke failed' | 'sign of change not noted',
): void {
  if (!('error' in ended) || ended.error instanceof FencedError) return;
  const reason = describeError(ended.error);
  deps.log.warn({ connectionId: ref.connectionId, reason }, what);
}
