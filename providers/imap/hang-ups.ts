import { minuteMs } from '../../domain/clock.ts';
import type { RemoteCollection } from '../../domain/provider.ts';
import type { ProviderFailure } from '../../domain/failure.ts';
import { hangUpsMax } from './bounds.ts';
import type { ImapConnection } from './connect.ts';
import { connectionLost, isBoundError, isSilence, translateError } from './errors.ts';
import type { Lease } from './session-pool.ts';

/**
 * Some servers end the connection at a letter or a folder that they cannot read (Dovecot by
 * default: imap_fetch_failure = disconnect-immediately). A server that fails as a whole looks the
 * same at first, and so does one that ends every session after some commands. They are told apart
 * by trying, in sessions that have just been opened:
 *
 * 1. Items are fetched in ever smaller parts, until one stands alone (`page-stream.ts`).
 * 2. It is the first thing that a new session is asked for, and that session ends too. So it was no
 *    accident, and not the number of commands that the session had behind it.
 * 3. In the next new session a witness (another letter, or another folder) is asked for the same, and
 *    is answered; then that session lives through more commands than the first had got
 *    (`witnesses.ts`). So the server works, and does not end sessions after so many commands.
 *
 * Only then is the item struck, or the folder in trouble. Whatever has no witness is the server's
 * trouble, and so is all that remains once a session has cost `hangUpsMax` connections.
 */
export interface HangUps {
  /** Connections that were opened again so far. */
  count: number;
  /** Where witnesses are looked for. */
  listed: readonly RemoteCollection[];
  /** Whether something was found at fault: then the server itself works. */
  found: boolean;
}

/** When the connections of a session are used up on single items, the next one need not wait long. */
const pauseMs = minuteMs;

export function createHangUps(): HangUps {
  return { count: 0, listed: [], found: false };
}

/**
 * Opens another connection in the place of one that the server has ended.
 * @throws ProviderFailure when it was something else, or has happened too often
 */
export async function reopenAfterHangUp(lease: Lease, error: unknown): Promise<void> {
  const failure = translateError(error);
  if (!isHangUp(lease.connection, failure)) throw failure;
  const { hangUps } = lease;
  if (hangUps.count >= hangUpsMax) {
    throw hangUps.found ? connectionLost(error, new Date(Date.now() + pauseMs)) : failure;
  }
  hangUps.count += 1;
  await lease.reopen();
}

/** Silence is no hang-up: waiting for it again and again would hold a slot of the worker. */
function isHangUp({ client, fault }: ImapConnection, { kind }: ProviderFailure): boolean {
  return kind === 'provider-down' && !client.usable && !isBoundError(fault) && !isSilence(fault);
}
