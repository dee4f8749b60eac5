import { secondMs } from '../../domain/clock.ts';
import { ProviderFailure } from '../../domain/failure.ts';

/**
 * A server that falls silent holds each slice until a timeout ends it, and with it one of the slots
 * that all mailboxes share: a thousand mailboxes of one such host would keep everybody else's new
 * mail waiting for half an hour. So a host that was silent several times in a row is asked by one
 * slice at a time; the others fail at once as the last one did, and come back by their back-off. The
 * first slice that gets through ends it for all.
 */

/** What fails sooner after its last page holds up nobody. */
const silentMs = 10 * secondMs;

/** In a row, of whatever mailboxes of the host. One may be an account's own trouble. */
const silencesMax = 3;

/** Hosts remembered; nobody may come back to those that were longest silent. */
const hostsMax = 1_000;

interface SilentHost {
  silences: number;
  last: ProviderFailure;
  /** Whether the one slice is at it. */
  asked: boolean;
}

const silentHosts = new Map<string, SilentHost>();

export interface HostWork<T> {
  /** Name and port. */
  host: string;
  work(): Promise<T>;
  /** When the last page came, or the work began (milliseconds since the epoch). */
  progressAt(): number;
  /** An end that was ours says nothing about the host. */
  cancelled: AbortSignal;
}

/** Works at a host. @throws what the last one did while the host is silent and somebody else asks */
export async function askHost<T>({ host, work, progressAt, cancelled }: HostWork<T>): Promise<T> {
  const silent = silentHosts.get(host);
  const isAlone = silent !== undefined && silent.silences >= silencesMax;
  if (isAlone) {
    if (silent.asked) throw again(silent.last);
    silent.asked = true;
  }
  try {
    const result = await work();
    silentHosts.delete(host);
    return result;
  } catch (error) {
    if (error instanceof ProviderFailure && !cancelled.aborted) {
      const isSilence = error.kind === 'provider-down' && Date.now() - progressAt() >= silentMs;
      if (isSilence) noteSilence(host, error);
      else silentHosts.delete(host);
    }
    throw error;
  } finally {
    if (isAlone) silent.asked = false;
  }
}

function noteSilence(host: string, last: ProviderFailure): void {
  const silent = silentHosts.get(host) ?? { silences: 0, last, asked: false };
  // The newest stand last, so that the first is the one to forget.
  silentHosts.delete(host);
  silentHosts.set(host, Object.assign(silent, { silences: silent.silences + 1, last }));
  const [oldest] = silentHosts.keys();
  if (silentHosts.size > hostsMax && oldest !== undefined) silentHosts.delete(oldest);
}

function again({ kind, message, code }: ProviderFailure): ProviderFailure {
  return new ProviderFailure(kind, message, code === undefined ? {} : { code });
}
