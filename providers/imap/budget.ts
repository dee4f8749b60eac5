import type { ImapConnection } from './connect.ts';
import { overBudget } from './errors.ts';

/**
 * Runs a command whose answer may weigh so many bytes in all, whatever it consists of: the parser
 * bounds single answers only, and a server may send as many of them as it likes. The connection
 * ends when the budget is spent.
 * @throws an error that counts as a broken bound
 */
export async function withinBytes<T>(
  { client, socket }: Pick<ImapConnection, 'client' | 'socket'>,
  bytesMax: number,
  work: () => Promise<T>,
): Promise<T> {
  let bytes = 0;
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > bytesMax) client.close();
  };
  socket.on('data', count);
  try {
    return await work();
  } catch (error) {
    throw bytes > bytesMax ? overBudget(error) : error;
  } finally {
    socket.off('data', count);
  }
}

/**
 * Ends a connection that sends more than a watch or a resting session can have asked for: an
 * endless stream of announcements would occupy the whole process. Returns how to stop counting.
 */
export function limitFlow(
  { client, socket }: Pick<ImapConnection, 'client' | 'socket'>,
  { bytesMax, windowMs }: { bytesMax: number; windowMs: number },
): () => void {
  let [bytes, windowEnd] = [0, performance.now() + windowMs];
  const count = (chunk: Buffer): void => {
    const now = performance.now();
    if (now >= windowEnd) [bytes, windowEnd] = [0, now + windowMs];
    bytes += chunk.length;
    if (bytes > bytesMax) client.close();
  };
  socket.on('data', count);
  return () => void socket.off('data', count);
}
