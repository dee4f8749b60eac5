import type { SQL } from 'drizzle-orm';
import { allEnded } from '../domain/settled.ts';
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
 * Waits for pieces of work in one transaction: a statement that is sent after the transaction's end
 * would run outside of it.
 * @throws what the first failed with that did not merely fail because the transaction had by then
 */
export async function together<const T extends readonly Promise<unknown>[]>(
  ...work: T
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  return await allEnded(work, (errors) => errors.find((each) => !isAftermath(each)) ?? errors[0]);
}

/** SQLSTATE of a statement in a transaction that an earlier one has broken. */
const abortedCode = '25P02';

function isAftermath(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === abortedCode;
}
