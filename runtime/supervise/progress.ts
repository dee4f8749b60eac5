export interface Progress {
  /** Runs a step of the start; its line ends with what it took. */
  step: <T>(name: string, work: () => Promise<T> | T) => Promise<T>;
  /** A line between or inside of steps. */
  say: (text: string) => void;
}

/** Says on a terminal, or in a file, what is being done while it is done. */
export function createProgress(write: (text: string) => unknown, signal: AbortSignal): Progress {
  let insideLine = false;
  const say = (text: string) => {
    write(`${insideLine ? '\n' : ''}  ${text}\n`);
    insideLine = false;
  };
  return {
    say,
    step: async (name, work) => {
      signal.throwIfAborted();
      const started = performance.now();
      write(`${name} … `);
      insideLine = true;
      try {
        const result = await work();
        const seconds = ((performance.now() - started) / 1000).toFixed(1);
        write(insideLine ? `${seconds} s\n` : `${name}: ${seconds} s\n`);
        signal.throwIfAborted();
        return result;
      } finally {
        if (insideLine && signal.aborted) write('\n');
        insideLine = false;
      }
    },
  };
}
