import { minuteMs, secondMs } from '../../domain/clock.ts';
import { safetyTimeMs } from '../../domain/retry.ts';

/** The waiting times of the watch. */
export interface WatchTimes {
  /** How soon a new, paused or ended connection is noticed, and signs of life are written. */
  rosterMs: number;
  /** How soon a change in a folder without IDLE is seen, and a session that died in silence. */
  sweepMs: number;
  /** Sessions that ended together are opened again spread over this. */
  reconnectSpreadMs: number;
  /** A session that ends sooner counts as a failure. */
  steadyMs: number;
  /** An account's own back-off, doubled up to the maximum. */
  backoffFirstMs: number;
  backoffMaxMs: number;
  /** A mailbox without a session for so long is polled as one that is not watched. */
  unwatchedAfterMs: number;
  /** Between two pokes while signs keep coming, doubled up to the maximum: a poke costs an action. */
  pokeGapFirstMs: number;
  pokeGapMaxMs: number;
}

export const watchTimes: WatchTimes = {
  rosterMs: 5 * secondMs,
  sweepMs: 3 * minuteMs,
  reconnectSpreadMs: 2 * secondMs,
  steadyMs: minuteMs,
  backoffFirstMs: 5 * secondMs,
  backoffMaxMs: 10 * minuteMs,
  unwatchedAfterMs: safetyTimeMs,
  pokeGapFirstMs: 250,
  pokeGapMaxMs: 5 * secondMs,
};
