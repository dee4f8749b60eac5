/** Lets at most so many in at once; the others wait in the order of their coming. */
export interface Turnstile {
  /** @throws the signal's reason when the caller gives up */
  enter(signal?: AbortSignal): Promise<void>;
  leave(): void;
  /** Nobody is in, and nobody waits. */
  isEmpty(): boolean;
}

export function createTurnstile(places: number): Turnstile {
  let inside = 0;
  let waiting: (() => void)[] = [];
  return {
    enter: async (signal) => {
      signal?.throwIfAborted();
      if (inside < places) {
        inside += 1;
        return;
      }
      // Whoever leaves hands the place on, so `inside` stays as it is.
      await new Promise<void>((resolve, reject) => {
        const proceed = (): void => {
          signal?.removeEventListener('abort', abort);
          resolve();
        };
        const abort = (): void => {
          waiting = waiting.filter((waiter) => waiter !== proceed);
          reject(signal?.reason);
        };
        waiting.push(proceed);
        signal?.addEventListener('abort', abort, { once: true });
      });
    },
    leave: () => {
      const next = waiting.shift();
      if (next) next();
      else inside -= 1;
    },
    isEmpty: () => inside === 0 && waiting.length === 0,
  };
}
