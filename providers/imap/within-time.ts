import type { ImapFlow } from 'imapflow';

/** How long an answer is waited for. */
export interface Patience {
  timeoutMs: number;
  /** Gives up sooner. */
  signal?: AbortSignal | undefined;
}

/**
 * Runs a command whose connection ends when the time is over. A byte now and then satisfies the
 * socket's own time-out; this one nothing satisfies.
 */
export async function withinTime<T>(
  client: Pick<ImapFlow, 'close'>,
  { timeoutMs, signal }: Patience,
  work: () => Promise<T>,
): Promise<T> {
  const giveUp = (): void => client.close();
  const wall = setTimeout(giveUp, timeoutMs);
  signal?.addEventListener('abort', giveUp, { once: true });
  if (signal?.aborted) giveUp();
  try {
    return await work();
  } finally {
    clearTimeout(wall);
    signal?.removeEventListener('abort', giveUp);
  }
}
