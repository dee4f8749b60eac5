import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MailAccount } from '../../domain/provider.ts';
import type { Breaches } from './breaches.ts';
import { restFlow, type ImapLimits } from './bounds.ts';
import { limitFlow } from './budget.ts';
import type { ConnectImap, ImapConnection } from './connect.ts';
import { createHangUps, type HangUps } from './hang-ups.ts';
import { createTurnstile, type Turnstile } from './turnstile.ts';
import { withinTime, type Patience } from './within-time.ts';

/** A connection in the hands of one session; nobody else uses it until it is released. */
export interface Lease {
  readonly connection: ImapConnection;
  /** What is known of where the server ends the connection. */
  readonly hangUps: HangUps;
  readonly breaches: Breaches;
  /** Gives up a connection that is broken, and opens another in its place. */
  reopen(): Promise<void>;
  /** Gives the connection back; `broken` closes it instead. */
  release(broken: boolean): void;
}

export interface SessionPool {
  /**
   * Waits when the account has all its sessions in use. The signal ends the waiting, the connecting
   * and the connection itself until it is released. @throws ProviderFailure
   */
  acquire(account: MailAccount, signal?: AbortSignal): Promise<Lease>;
  /** Closes the idle connections of the accounts whose keys begin so. */
  dismiss(keyPrefix: string): void;
  close(): void;
}

interface Lane {
  idle: IdleConnection[];
  places: Turnstile;
}

interface IdleConnection {
  connection: ImapConnection;
  since: number;
  timer: NodeJS.Timeout;
  /** Ends the counting of what comes unasked. */
  awake: () => void;
}

/**
 * Keeps at most `sessionsPerAccount` connections per account, so that the two loops of a mailbox
 * do not log in for every slice and never share a connection.
 */
export function createSessionPool(connect: ConnectImap, limits: ImapLimits): SessionPool {
  const lanes = new Map<string, Lane>();
  let closed = false;

  function laneOf(key: string): Lane {
    const lane = lanes.get(key) ?? { idle: [], places: createTurnstile(limits.sessionsPerAccount) };
    lanes.set(key, lane);
    return lane;
  }

  function leave(key: string, lane: Lane): void {
    lane.places.leave();
    forgetEmpty(key, lane);
  }

  function forgetEmpty(key: string, { idle, places }: Lane): void {
    if (places.isEmpty() && idle.length === 0) lanes.delete(key);
  }

  function park(key: string, lane: Lane, connection: ImapConnection): void {
    const timer = setTimeout(() => {
      lane.idle = lane.idle.filter((entry) => entry.timer !== timer);
      forgetEmpty(key, lane);
      connection.client.close();
    }, limits.poolIdleMs);
    timer.unref();
    const awake = limitFlow(connection, restFlow);
    lane.idle.push({ connection, since: Date.now(), timer, awake });
  }

  return {
    acquire: async (account, signal) => {
      const lane = laneOf(account.key);
      await lane.places.enter(signal);
      try {
        const first =
          (await takeIdle(lane, limits, signal)) ?? (await connect(account.imap, 'sync', signal));
        const owner = {
          open: () => connect(account.imap, 'sync', signal),
          giveBack: (connection: ImapConnection, broken: boolean) => {
            if (broken || closed || !connection.client.usable) connection.client.close();
            else park(account.key, lane, connection);
            leave(account.key, lane);
          },
        };
        return createLease(first, owner, signal);
      } catch (error) {
        leave(account.key, lane);
        throw error;
      }
    },
    dismiss: (keyPrefix) => {
      for (const [key, lane] of lanes) {
        if (!key.startsWith(keyPrefix)) continue;
        closeIdle(lane);
        forgetEmpty(key, lane);
      }
    },
    close: () => {
      closed = true;
      for (const lane of lanes.values()) closeIdle(lane);
      lanes.clear();
    },
  };
}

function closeIdle(lane: Lane): void {
  for (const { connection, timer } of lane.idle.splice(0)) {
    clearTimeout(timer);
    connection.client.close();
  }
}

function createLease(
  first: ImapConnection,
  owner: {
    open: () => Promise<ImapConnection>;
    giveBack: (connection: ImapConnection, broken: boolean) => void;
  },
  signal: AbortSignal | undefined,
): Lease {
  let connection = first;
  let released = false;
  const abort = (): void => connection.client.close();
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  return {
    get connection() {
      return connection;
    },
    hangUps: createHangUps(),
    breaches: { count: 0 },
    reopen: async () => {
      connection.client.close();
      connection = await owner.open();
    },
    release: (broken) => {
      if (released) return;
      released = true;
      signal?.removeEventListener('abort', abort);
      owner.giveBack(connection, broken);
    },
  };
}

/** The connection parked last that still lives. */
async function takeIdle(
  lane: Lane,
  { livenessAfterMs, livenessTimeoutMs: timeoutMs }: ImapLimits,
  signal: AbortSignal | undefined,
): Promise<ImapConnection | undefined> {
  for (let entry = lane.idle.pop(); entry; entry = lane.idle.pop()) {
    clearTimeout(entry.timer);
    const { connection, since } = entry;
    entry.awake();
    const rested = Date.now() - since >= livenessAfterMs;
    const lives = !rested || (await isAlive(connection, { timeoutMs, signal }));
    if (lives && connection.client.usable) return connection;
    connection.client.close();
  }
  return undefined;
}

/** A server may have dropped a silent connection without our socket having noticed. */
async function isAlive({ client }: ImapConnection, patience: Patience): Promise<boolean> {
  if (!client.usable) return false;
  await withinTime(client, patience, () => client.noop());
  // imapflow does not say that a NOOP failed; a connection that ended closes in the next turn.
  await nextTurn();
  return client.usable;
}
