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

/** The value, or the error thrown. */
export function unwrap<T>(ended: Settled<T>): T {
  if ('error' in ended) throw ended.error;
  return ended.value;
}
