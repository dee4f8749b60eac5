import type { ImapAccount, MailProvider, MailWatcher } from '../../domain/provider.ts';
import { defaultLimits, type ImapLimits } from './bounds.ts';
import { createConnect, type ImapGuardOptions } from './connect.ts';
import { tooSlow } from './errors.ts';
import { failNoFasterThan } from './min-latency.ts';
import { createSession } from './session.ts';
import { createSessionPool } from './session-pool.ts';
import { openWatch } from './watch.ts';

export interface ImapProvider extends MailProvider, MailWatcher {
  /**
   * Proves that an account can be logged into, over a connection of its own. A failure takes at
   * least two seconds. @throws ProviderFailure with one of the codes of errors.ts
   */
  verify(account: ImapAccount, signal?: AbortSignal): Promise<void>;
  /** Closes the idle sessions; those in use close when they are released. */
  close(): Promise<void>;
}

/** The adapter for any IMAP server (RFC 9051, RFC 3501), behind the address guard. */
export function createImapProvider(
  options: ImapGuardOptions,
  limits: Partial<ImapLimits> = {},
): ImapProvider {
  const bounds = { ...defaultLimits, ...limits };
  const connect = createConnect(options, bounds);
  const pool = createSessionPool(connect, bounds);
  return {
    connect: async (account, signal) => {
      const slow = (error: unknown): unknown => (signal?.aborted ? tooSlow(error) : error);
      try {
        return createSession(await pool.acquire(account, signal), slow);
      } catch (error) {
        throw slow(error);
      }
    },
    dismiss: (connectionId) => pool.dismiss(`${connectionId}/`),
    watch: (account, listener, signal) => openWatch(connect, bounds, account, listener, signal),
    verify: (account, signal) =>
      failNoFasterThan(bounds.failureLatencyMs, async () => {
        const { client } = await connect(account, 'sync', signal);
        client.close();
      }),
    close: async () => pool.close(),
  };
}
