import { ApplicationFailure, CancelledFailure } from '@temporalio/common';

/**
 * The Temporal edge: an error's own words may quote rows or addresses, and Temporal keeps and shows
 * them. What crosses is the error's class and code; the rest stays out of history and logs.
 */
export async function withSafeFailures<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ApplicationFailure || error instanceof CancelledFailure) throw error;
    throw ApplicationFailure.create({ message: describeError(error), type: typeOf(error) });
  }
}

/** An error in words that carry nothing personal: class names and codes along its causes. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let cause = error; cause instanceof Error && parts.length < 5; cause = cause.cause) {
    const code = 'code' in cause && typeof cause.code === 'string' ? ` (${cause.code})` : '';
    parts.push(`${typeOf(cause)}${code}`);
  }
  return parts.join(' caused by ') || 'an unknown error';
}

function typeOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name : 'UnknownError';
}
