import { setTimeout as pace } from 'node:timers/promises';
import { waitFor } from '../support/wait-for.ts';

/** How long new mail takes to be stored, measured letter after letter until it is stopped. */
export interface Freshness {
  /** Of the letters since it was asked before. */
  take(): FreshnessFigures;
  /** Stops after the letter in hand; of all letters. @throws when one was not stored at all */
  stop(): Promise<FreshnessFigures>;
}

export interface FreshnessFigures {
  letters: number;
  p50Ms: number;
  p95Ms: number;
  maxMs: number;
}

const storedWithinMs = 60_000;

/** Letters that come without a break are announced less and less often (activities/watch/poker.ts). */
const paceMs = 1_000;

export function startFreshness(
  append: (subject: string) => void,
  stored: () => Promise<number>,
): Freshness {
  const times: number[] = [];
  const over = new AbortController();
  let taken = 0;
  const measuring = measure();
  // Told when it is stopped; until then nobody waits for it.
  measuring.catch(() => undefined);

  async function measure(): Promise<void> {
    while (!over.signal.aborted) {
      const before = await stored();
      append(`Fresh ${times.length}`);
      const startedAt = performance.now();
      const isStored = async () => (await stored()) > before;
      await waitFor(isStored, { what: 'fresh mail', timeoutMs: storedWithinMs });
      times.push(performance.now() - startedAt);
      await pace(paceMs);
    }
  }

  return {
    take: () => {
      const figures = figuresOf(times.slice(taken));
      taken = times.length;
      return figures;
    },
    stop: async () => {
      over.abort();
      await measuring;
      return figuresOf(times);
    },
  };
}

function figuresOf(times: readonly number[]): FreshnessFigures {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return { letters: times.length, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
}
