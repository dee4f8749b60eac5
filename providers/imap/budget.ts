import type { ImapConnection } from './connect.ts';
import { overBudget } from './errors.ts';

const lineFeed = 0x0a;

/** What the answers to one piece of work may weigh together. */
export interface Budget {
  bytesMax: number;
  /** Short lines cost the parser a hundred times their own weight. */
  linesMax?: number;
}

/**
 * Runs a command whose answer may weigh so much in all, whatever it consists of: the parser bounds
 * single answers only, and a server may send as many of them as it likes. The connection ends when
 * the budget is spent.
 * @throws an error that counts as a broken bound
 */
export async function withinBudget<T>(
  { client, socket }: Pick<ImapConnection, 'client' | 'socket'>,
  { bytesMax, linesMax = Number.POSITIVE_INFINITY }: Budget,
  work: () => Promise<T>,
): Promise<T> {
  let [bytes, lines, spent] = [0, 0, false];
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (Number.isFinite(linesMax)) lines += linesIn(chunk);
    if (bytes <= bytesMax && lines <= linesMax) return;
    spent = true;
    client.close();
  };
  socket.on('data', count);
  try {
    return await work();
  } catch (error) {
    throw spent ? overBudget(error) : error;
  } finally {
    socket.off('data', count);
  }
}

function linesIn(chunk: Buffer): number {
  let lines = 0;
  for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, at + 1)) lines += 1;
  return lines;
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
