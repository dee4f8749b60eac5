/**
 * Reads one item ahead, so that the source works while the consumer handles the item before. One
 * and no more: what is read ahead is memory.
 */
export async function* readAhead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = settled(source.next());
  try {
    for (;;) {
      const step = await next;
      if ('error' in step) throw step.error;
      if (step.result.done) return;
      next = settled(source.next());
      yield step.result.value;
    }
  } finally {
    // Waits for what is being read; the session is free afterwards.
    await source.return(undefined);
  }
}

type Settled<T> = { result: IteratorResult<T> } | { error: unknown };

/** A rejection that nobody waits for yet would end the process, so it becomes a value. */
async function settled<T>(step: Promise<IteratorResult<T>>): Promise<Settled<T>> {
  try {
    return { result: await step };
  } catch (error) {
    return { error };
  }
}
