import { setTimeout as delay } from 'node:timers/promises';

/** Something that goes on beside the kills until it is stopped. */
export interface Background {
  /** Ends it after its present turn. @throws what a turn threw */
  stop(): Promise<void>;
}

/** Takes turns with pauses in between: a pace, as people and other programs have one. */
export function repeat(pauseMs: number, turn: () => Promise<void>): Background {
  const stopping = new AbortController();
  const running = (async (): Promise<{ error?: unknown }> => {
    try {
      while (!stopping.signal.aborted) {
        await turn();
        await delay(pauseMs);
      }
      return {};
    } catch (error) {
      return { error };
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      const ended = await running;
      if ('error' in ended) throw ended.error;
    },
  };
}
