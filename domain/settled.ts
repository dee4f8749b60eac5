/** How a promise ended, as a value: nobody has to wait for it at once. */
export type Settled<T> = { value: T } | { error: unknown };

/** Never rejects: a rejection that nobody waits for yet would end the process. */
export async function settled<T>(work: Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await work };
  } catch (error) {
    return { error };
  }
}

/**
 * Waits for pieces of work that use one thing side by side (a transaction, a session), and for all of
 * them also when one fails: whoever gives that thing back must not find it still in use.
 * @throws what `blame` picks of the errors, the first of the list unless it is given
 */
export async function allEnded<const T extends readonly Promise<unknown>[]>(
  work: T,
  blame: (errors: unknown[]) => unknown = ([first]) => first,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const ended = await Promise.allSettled(work);
  const errors = ended.filter((each) => each.status === 'rejected').map(({ reason }) => reason);
  if (errors.length > 0) throw blame(errors);
  return ended.map((each) => (each as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>;
  };
}
