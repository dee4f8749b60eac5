import type { ItemsPage, ItemsRequest } from '../../domain/provider.ts';
import { enterFolder } from './enter-folder.ts';
import { readMessages } from './page-stream.ts';
import type { Lease } from './session-pool.ts';

/** Named messages of a folder, read once more; those that are gone are simply not among them. */
export async function* readItems(
  lease: Lease,
  { collection, uids, bounds }: ItemsRequest,
): AsyncGenerator<ItemsPage> {
  const folder = await enterFolder(lease, collection);
  for await (const { messages, failures } of readMessages(folder, oneWindow(uids), bounds)) {
    yield { messages, failures };
  }
}

async function* oneWindow(uids: number[]): AsyncGenerator<number[]> {
  yield uids;
}
