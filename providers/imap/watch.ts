import type { MailAccount, WatchListener, WatchSession } from '../../domain/provider.ts';
import type { ImapLimits } from './bounds.ts';
import type { ConnectImap } from './connect.ts';
import { translated } from './errors.ts';
import { listCollections } from './folders.ts';
import { withinTime } from './within-time.ts';

/**
 * Watches an account over a connection of its own: IDLE on the inbox (RFC 2177), which imapflow
 * enters by itself and replaces by polling where the server has none, and sweeps of all folders
 * when the caller asks for one.
 * @throws ProviderFailure when the session cannot be opened
 */
export async function openWatch(
  connect: ConnectImap,
  { openTimeoutMs, sweepTimeoutMs }: Pick<ImapLimits, 'openTimeoutMs' | 'sweepTimeoutMs'>,
  account: MailAccount,
  listener: WatchListener,
  signal?: AbortSignal,
): Promise<WatchSession> {
  const connection = await connect(account.imap, 'watch', signal);
  const { client } = connection;
  let over = false;
  const changed = (): void => {
    if (!over) listener.changed();
  };
  const ended = (): void => {
    if (over) return;
    over = true;
    listener.ended();
  };
  try {
    const open = () => client.mailboxOpen('INBOX', { readOnly: true });
    await translated(withinTime(client, { timeoutMs: openTimeoutMs, signal }, open));
  } catch (error) {
    client.close();
    throw error;
  }
  client.on('exists', changed);
  client.on('expunge', changed);
  client.on('flags', changed);
  client.once('close', ended);
  if (!client.usable) ended();
  return {
    sweep: async () =>
      await withinTime(client, { timeoutMs: sweepTimeoutMs }, async () => {
        // The inbox is open: without a NOOP its counters would be those of the last look.
        await translated(client.noop());
        const folders = await listCollections(connection);
        return folders.map(({ ref, mark }) => ({ ref, mark }));
      }),
    [Symbol.asyncDispose]: async () => {
      over = true;
      client.close();
    },
  };
}
