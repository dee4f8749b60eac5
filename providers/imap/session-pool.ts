import type { MailAccount } from '../../domain/provider.ts';
import type { ImapLimits } from './bounds.ts';
import type { ConnectImap, ImapConnection } from './connect.ts';
import { translateError } from './errors.ts';

/** A connection in the hands of one session; nobody else uses it until it is released. */
export interface Lease {
  readonly connection: ImapConnection;
  /** Gives up a connection that is broken, and opens another in its place. */
  reopen(): Promise<void>;
  /** Gives the connection back; `broken` closes it instead. */
  release(broken: boolean): void;
}

export interface SessionPool {
  /** Waits when the account has all its sessions in use. @throws ProviderFailure */
  acquire(account: MailAccount, signal?: AbortSignal): Promise<Lease>;
  close(): void;
}

interface Lane {
  idle: { connection: ImapConnection; since: number; timer: NodeJS.Timeout }[];
  /** Connections out on lease, those being opened included. */
  leased: number;
  waiting: (() => void)[];
}

/**
 * Keeps at most `sessionsPerAccount` connections per account, so that the two loops of a mailbox
 * do not log in for every slice and never share a connection.
 */
export function createSessionPool(connect: ConnectImap, limits: ImapLimits): SessionPool {
  const lanes = new Map<string, Lane>();
  let closed = false;

  async function acquire(account: MailAccount, signal?: AbortSignal): Promise<Lease> {
    const lane = laneOf(account.key);
    while (lane.leased >= limits.sessionsPerAccount) await turn(lane, signal);
    lane.leased += 1;
    try {
      const connection =
        (await takeIdle(lane)) ?? (await connect(account.imap, 'sync', signal));
      return lease(account, lane, connection);
    } catch (error) {
      leave(account.key, lane);
      throw error;
    }
  }

  function lease(account: MailAccount, lane: Lane, first: ImapConnection): Lease {
    let connection = first;
    let released = false;
    return {
      get connection() {
        return connection;
      },
      reopen: async () => {
        connection.client.close();
        connection = await connect(account.imap, 'sync');
      },
      release: (broken) => {
        if (released) return;
        released = true;
        if (broken || closed || !connection.client.usable) connection.client.close();
        else park(account.key, lane, connection);
        leave(account.key, lane);
      },
    };
  }

  function park(key: string, lane: Lane, connection: ImapConnection): void {
    const timer = setTimeout(() => {
      lane.idle = lane.idle.filter((entry) => entry.timer !== timer);
      forgetEmpty(key, lane);
      connection.client.close();
    }, limits.poolIdleMs);
    timer.unref();
    lane.idle.push({ connection, since: Date.now(), timer });
  }

  async function takeIdle(lane: Lane): Promise<ImapConnection | undefined> {
    for (;;) {
      const entry = lane.idle.pop();
      if (!entry) return undefined;
      clearTimeout(entry.timer);
      const { client } = entry.connection;
      if (!client.usable) continue;
      if (Date.now() - entry.since < limits.livenessAfterMs) return entry.connection;
      if (await isAlive(entry.connection)) return entry.connection;
      client.close();
    }
  }

  function leave(key: string, lane: Lane): void {
    lane.leased -= 1;
    lane.waiting.shift()?.();
    forgetEmpty(key, lane);
  }

  function laneOf(key: string): Lane {
    const lane = lanes.get(key) ?? { idle: [], leased: 0, waiting: [] };
    lanes.set(key, lane);
    return lane;
  }

  function forgetEmpty(key: string, lane: Lane): void {
    if (lane.leased === 0 && lane.idle.length === 0 && lane.waiting.length === 0) {
      lanes.delete(key);
    }
  }

  return {
    acquire,
    close: () => {
      closed = true;
      for (const lane of lanes.values()) {
        for (const { connection, timer } of lane.idle.splice(0)) {
          clearTimeout(timer);
          connection.client.close();
        }
      }
    },
  };
}

/** Waits until a lease of the lane ends. */
async function turn(lane: Lane, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const proceed = (): void => {
      signal?.removeEventListener('abort', abort);
      resolve();
    };
    const abort = (): void => {
      lane.waiting = lane.waiting.filter((waiter) => waiter !== proceed);
      reject(signal?.reason);
    };
    lane.waiting.push(proceed);
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** A server may have dropped a silent connection without our socket having noticed. */
async function isAlive(connection: ImapConnection): Promise<boolean> {
  try {
    await connection.client.noop();
    return connection.client.usable;
  } catch (error) {
    return translateError(error).kind === 'rate-limited';
  }
}
