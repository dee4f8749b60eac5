import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

/** Something that goes on beside the kills until it is stopped. */
export interface Background {
  /** @throws what a turn threw: it goes on no more. */
  check(): void;
  /** Ends it after its present turn. @throws what a turn threw */
  stop(): Promise<void>;
}

export interface Pace {
  /** Who takes the turns. */
  name: string;
  pauseMs: number;
  /** Told at once when a turn fails: what the kills wait for then may never come. */
  say: (text: string) => void;
}

/** Takes turns with pauses in between: a pace, as people and other programs have one. */
export function repeat({ name, pauseMs, say }: Pace, turn: () => Promise<void>): Background {
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
      say(`${name} ended: ${inspect(error)}`);
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
