import { setTimeout as delay } from 'node:timers/promises';
import { describeProblem, parseProblem, Problem } from '../problem.ts';
import { endedByProblem, type ServiceProcess } from './process.ts';

interface Supervised<T extends ServiceProcess> {
  /** The process that runs now, or that ran last. */
  current(): T;
  stop(): Promise<void>;
}

interface SuperviseOptions {
  say: (text: string) => void;
  /** Called when another process has taken the place of one that died. */
  onRestart: () => void;
  /** Whether a process that ended so is not to be started again. */
  givesUp: (ended: ServiceProcess, how: string) => boolean;
}

/** The services of an instance, in the order in which they were started. */
export interface Crew {
  /** Starts a service and keeps it running; it throws when the first start fails. */
  keep<T extends ServiceProcess>(name: string, start: () => Promise<T>): Promise<T>;
  /** Aborted, with the reason, when a process ends with a problem before everything has started. */
  broken: AbortSignal;
  /**
   * Everything has started: from now on whatever dies is started again.
   * @throws the reason of `broken`: who ended before is not started again, so nothing runs whole.
   */
  started(): void;
  /** Called whenever another process has taken the place of one that died. */
  onRestart(listener: () => void): void;
  pids(): Record<string, number>;
  /** Stops them all, the last started first. */
  stop(): Promise<void>;
}

const backoffFirstMs = 500;
const backoffMaxMs = 10_000;
/** After so long without a death, the next one counts as the first again. */
const calmMs = 60_000;

/** Keeps services running until it is stopped; says loudly when one of them dies. */
export function createCrew(say: (text: string) => void): Crew {
  const members = new Map<string, Supervised<ServiceProcess>>();
  const broken = new AbortController();
  let starting = true;
  let restarted: () => void = () => undefined;
  const givesUp = (ended: ServiceProcess, how: string) => {
    if (!starting || how !== endedByProblem) return false;
    broken.abort(problemOf(ended));
    return true;
  };
  return {
    broken: broken.signal,
    started: () => {
      broken.signal.throwIfAborted();
      starting = false;
    },
    keep: async (name, start) => {
      const options = { say, onRestart: () => restarted(), givesUp };
      const member = await supervise(name, start, options);
      members.set(name, member);
      return member.current();
    },
    onRestart: (listener) => {
      restarted = listener;
    },
    pids: () =>
      Object.fromEntries([...members].map(([name, member]) => [name, member.current().pid])),
    stop: async () => {
      for (const member of [...members.values()].toReversed()) await member.stop();
    },
  };
}

/**
 * Starts a service and starts it again, ever more slowly, whenever it dies. The first start is
 * the caller's to handle: it throws.
 */
async function supervise<T extends ServiceProcess>(
  name: string,
  start: () => Promise<T>,
  { say, onRestart, givesUp }: SuperviseOptions,
): Promise<Supervised<T>> {
  const stopping = new AbortController();
  let current = await start();
  const watching = watch();

  async function watch(): Promise<void> {
    let backoffMs = backoffFirstMs;
    while (!stopping.signal.aborted) {
      const since = Date.now();
      const how = await current.exited;
      if (stopping.signal.aborted || givesUp(current, how)) return;
      if (Date.now() - since > calmMs) backoffMs = backoffFirstMs;
      say(`!! ${name} ended (${how}); it starts again in ${backoffMs / 1000} s`);
      backoffMs = await restart(backoffMs);
    }
  }

  /** Returns the wait before the next restart. */
  async function restart(firstMs: number): Promise<number> {
    for (let waitMs = firstMs; ; waitMs = Math.min(waitMs * 2, backoffMaxMs)) {
      await delay(waitMs, undefined, { signal: stopping.signal }).catch(ignoreAbort);
      if (stopping.signal.aborted) return waitMs;
      try {
        current = await start();
        say(`!! ${name} runs again (process ${current.pid})`);
        onRestart();
        return Math.min(waitMs * 2, backoffMaxMs);
      } catch (error) {
        say(`!! ${name} does not start: ${describeProblem(error)}`);
      }
    }
  }

  return {
    current: () => current,
    stop: async () => {
      stopping.abort();
      await current.stop();
      await watching;
      // A restart that was under way when the stop came has a process of its own by now.
      await current.stop();
    },
  };
}

/** In the words of the process, which knows the remedy. */
function problemOf({ name, said }: ServiceProcess): Problem {
  const text = said();
  return (
    parseProblem(text) ??
    new Problem(`${name} ended while everything started. Its words:\n${text}`, 'Start again.')
  );
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error;
}
