import type { SkipReason } from '../../domain/provider.ts';
import { isRefusal, refused, translateError } from './errors.ts';
import type { OpenFolder } from './open-folder.ts';

/** When all of so many items are refused, it is the server that fails, not the items. */
const refusalsMeanServer = 8;

/**
 * Runs a fetch over items. When the server refuses it, or breaks a bound, the items are halved
 * until the one that is at fault stands alone; the rest goes on. Other faults are thrown; what comes
 * of a lost connection is decided in page-stream.ts, over both fetches of a message.
 * @returns the items at fault
 */
export async function isolate<T>(
  folder: OpenFolder,
  items: readonly T[],
  work: (items: readonly T[]) => Promise<void>,
): Promise<{ item: T; reason: SkipReason }[]> {
  const failed: { item: T; reason: SkipReason }[] = [];
  const stack = [items];
  for (let some = stack.pop(); some; some = stack.pop()) {
    if (some.length === 0) continue;
    try {
      await work(some);
    } catch (error) {
      const reason = await reasonOf(folder, error);
      if (some.length === 1) failed.push({ item: some[0]!, reason });
      else {
        const half = Math.ceil(some.length / 2);
        stack.push(some.slice(half), some.slice(0, half));
      }
    }
  }
  const refusals = failed.filter(({ reason }) => reason === 'provider-refused');
  if (refusals.length === items.length && items.length >= refusalsMeanServer) throw refused();
  return failed;
}

async function reasonOf(folder: OpenFolder, error: unknown): Promise<SkipReason> {
  if (isRefusal(error)) return 'provider-refused';
  if (await folder.recover(error)) return 'too-large';
  throw translateError(error);
}
