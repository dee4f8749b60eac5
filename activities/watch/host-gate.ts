import { minuteMs, secondMs } from '../../domain/clock.ts';
import { withJitter } from '../../domain/retry.ts';

/**
 * The way to the mail servers for all watched connections of a process. A thousand sessions that
 * end together, because their server restarts, come back through a narrow door; a server that does
 * not answer is left to rest, and keeps nobody waiting who wants to go elsewhere.
 */
export interface HostGate {
  /** Waits for a turn at a host. @throws the signal's reason when the caller gives up */
  enter(host: string, signal: AbortSignal): Promise<HostVisit>;
}

/** One attempt at a host, and the session that came of it. */
export interface HostVisit {
  /** The session stands; the next one may try. */
  opened(): void;
  /** The attempt failed; `hostFault` says whether others would fare no better. */
  failed(hostFault: boolean): void;
  /** Nothing is left of it. */
  left(): void;
  /** Whether the host, rather than this account, is what keeps failing. */
  isHostDown(): boolean;
}

export interface HostLimits {
  /** Attempts of this process at a time: TLS and login are work for both sides. */
  attemptsMax: number;
  /** Attempts at one host at a time; servers delay or refuse clients that storm them. */
  attemptsPerHostMax: number;
  /**
   * Sessions with one host. Hosts count the connections of an address as well as those of an
   * account, and a system has 28,000 ports for one peer; further mailboxes are polled.
   */
  sessionsPerHostMax: number;
  /** So many failures in a row, of whatever accounts, are the host's and not an account's. */
  failuresOfHost: number;
  /** The first rest of a host that fails. It doubles, so it is never far longer than the outage. */
  restFirstMs: number;
  restMaxMs: number;
}

export const hostLimits: HostLimits = {
  attemptsMax: 40,
  attemptsPerHostMax: 10,
  sessionsPerHostMax: 5_000,
  failuresOfHost: 3,
  restFirstMs: 2 * secondMs,
  restMaxMs: 5 * minuteMs,
};

interface Host {
  attempts: number;
  sessions: number;
  /** In a row, with no session between. */
  failures: number;
  restMs: number;
  restUntil: number;
  waiting: Set<() => void>;
  timer: NodeJS.Timeout | undefined;
}

export function createHostGate(limits: HostLimits = hostLimits): HostGate {
  const hosts = new Map<string, Host>();
  let attempts = 0;

  function mayEnter(host: Host): boolean {
    // A host that fails is asked by one at a time.
    const width = host.failures >= limits.failuresOfHost ? 1 : limits.attemptsPerHostMax;
    const held = host.attempts + host.sessions;
    return (
      attempts < limits.attemptsMax &&
      host.attempts < width &&
      held < limits.sessionsPerHostMax &&
      host.restUntil <= Date.now()
    );
  }

  function admit(): void {
    for (const [name, host] of hosts) {
      for (const proceed of host.waiting) {
        if (!mayEnter(host)) break;
        host.waiting.delete(proceed);
        host.attempts += 1;
        attempts += 1;
        proceed();
      }
      wakeAfterRest(host, admit);
      if (isForgettable(host)) hosts.delete(name);
    }
  }

  function attemptEnded(host: Host): void {
    host.attempts -= 1;
    attempts -= 1;
  }

  return {
    enter: async (name, signal) => {
      signal.throwIfAborted();
      const host = hosts.get(name) ?? newHost(limits);
      hosts.set(name, host);
      await new Promise<void>((resolve, reject) => {
        const abort = (): void => {
          host.waiting.delete(proceed);
          reject(signal.reason);
        };
        const proceed = (): void => {
          signal.removeEventListener('abort', abort);
          resolve();
        };
        signal.addEventListener('abort', abort, { once: true });
        host.waiting.add(proceed);
        admit();
      });
      return createVisit(host, limits, { attemptEnded: () => attemptEnded(host), admit });
    },
  };
}

function createVisit(
  host: Host,
  limits: HostLimits,
  gate: { attemptEnded: () => void; admit: () => void },
): HostVisit {
  let stage: 'trying' | 'open' | 'over' = 'trying';
  const endAttempt = (next: 'open' | 'over'): boolean => {
    if (stage !== 'trying') return false;
    stage = next;
    gate.attemptEnded();
    return true;
  };
  return {
    isHostDown: () => host.failures >= limits.failuresOfHost,
    opened: () => {
      if (!endAttempt('open')) return;
      host.sessions += 1;
      recover(host, limits);
      gate.admit();
    },
    failed: (hostFault) => {
      if (!endAttempt('over')) return;
      if (hostFault) noteFailure(host, limits);
      else recover(host, limits);
      gate.admit();
    },
    left: () => {
      if (stage === 'open') host.sessions -= 1;
      else if (!endAttempt('over')) return;
      stage = 'over';
      gate.admit();
    },
  };
}

function newHost({ restFirstMs }: HostLimits): Host {
  return {
    ...{ attempts: 0, sessions: 0, failures: 0, restMs: restFirstMs, restUntil: 0 },
    ...{ waiting: new Set<() => void>(), timer: undefined },
  };
}

function recover(host: Host, { restFirstMs }: HostLimits): void {
  host.failures = 0;
  host.restUntil = 0;
  host.restMs = restFirstMs;
}

function noteFailure(host: Host, { failuresOfHost, restMaxMs }: HostLimits): void {
  host.failures += 1;
  // Attempts that were under way when the host began to rest end without a rest of their own.
  if (host.failures < failuresOfHost || host.restUntil > Date.now()) return;
  host.restUntil = Date.now() + withJitter(host.restMs, Math.random());
  host.restMs = Math.min(host.restMs * 2, restMaxMs);
}

function wakeAfterRest(host: Host, wake: () => void): void {
  clearTimeout(host.timer);
  host.timer = undefined;
  const restMs = host.restUntil - Date.now();
  if (restMs > 0 && host.waiting.size > 0) host.timer = setTimeout(wake, restMs).unref();
}

/** Nobody is there or waits; an account that is alone at its host has a back-off of its own. */
function isForgettable({ attempts, sessions, waiting }: Host): boolean {
  return attempts === 0 && sessions === 0 && waiting.size === 0;
}
