import { countIntents } from '../db/queries/intent-counts.ts';
import { readProgress } from '../db/queries/progress.ts';
import type { Tx } from '../db/client.ts';
import type { ConnectionProgress } from './connection-view.ts';

/** What stands beside the rows of these connections: two queries, however many they are. */
export async function readConnectionProgress(
  tx: Tx,
  tenantId: string,
  ids: string[],
): Promise<(id: string) => ConnectionProgress> {
  const progress = await readProgress(tx, tenantId, ids);
  const intents = await countIntents(tx, tenantId, ids);
  return (id) => ({
    progress: progress.filter(({ connectionId }) => connectionId === id),
    intents: intents.get(id)!,
  });
}
