import type { SQL } from 'drizzle-orm';
import type { Tx } from './client.ts';

/**
 * Sends a statement now, and lets what comes after it be sent before its answer is here: the server
 * runs a connection's statements in the order of their coming. Waiting for a turn of a busy event loop
 * costs milliseconds, and a page has a dozen statements that need nothing of one another.
 */
export function send<T extends Record<string, unknown>>(
  tx: Pick<Tx, 'execute'>,
  statement: SQL,
): Promise<T[]> {
  // The builder's own promise begins only when somebody waits for it.
  return tx.execute<T>(statement).execute() as unknown as Promise<T[]>;
}

/**
 * Waits for pieces of work in one transaction, and for all of them also when one fails: a statement
 * that is sent after the transaction's end would run outside of it.
 * @throws what the first failed with that did not merely fail because the transaction had by then
 */
export async function together<const T extends readonly Promise<unknown>[]>(
  ...work: T
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const ended = await Promise.allSettled(work);
  const errors = ended.filter((each) => each.status === 'rejected').map(({ reason }) => reason);
  if (errors.length > 0) throw errors.find((error) => !isAftermath(error)) ?? errors[0];
  return ended.map((each) => (each as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>;
  };
}

/** SQLSTATE of a statement in a transaction that an earlier one has broken. */
const abortedCode = '25P02';

function isAftermath(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === abortedCode;
}
