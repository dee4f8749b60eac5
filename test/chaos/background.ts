import { setTimeout as delay } from 'node:timers/promises';

/** Something that goes on beside the kills until it is stopped. */
export interface Background {
  /** @throws what a turn threw: it goes on no more. */
  check(): void;
  /** Ends it after its present turn. @throws what a turn threw */
  stop(): Promise<void>;
}

/** Takes turns with pauses in between: a pace, as people and other programs have one. */
export function repeat(pauseMs: number, turn: () => Promise<void>): Background {
  const stopping = new AbortController();
  let failure: { error: unknown } | undefined;
  const check = (): void => {
    if (failure) throw failure.error;
  };
  const running = (async (): Promise<void> => {
    try {
      while (!stopping.signal.aborted) {
        await turn();
        await delay(pauseMs);
      }
    } catch (error) {
      failure = { error };
    }
  })();
  return {
    check,
    stop: async () => {
      stopping.abort();
      await running;
      check();
    },
  };
}
