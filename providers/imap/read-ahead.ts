import { settled, unwrap } from '../../domain/settled.ts';

/**
 * Reads one item ahead, so that the source works while the consumer handles the item before. One
 * and no more: what is read ahead is memory.
 */
export async function* readAhead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = settled(source.next());
  try {
    for (;;) {
      const result = unwrap(await next);
      if (result.done) return;
      next = settled(source.next());
      yield result.value;
    }
  } finally {
    // Waits for what is being read; the session is free afterwards.
    await source.return(undefined);
  }
}
