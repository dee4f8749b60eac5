import { readLicence, withFence } from '../../db/fence.ts';
import {
  closeConnection,
  eraseConnectionRest,
  eraseHidden,
  eraseUntracked,
} from '../../db/queries/sync/erase.ts';
import { recordState } from '../../db/queries/sync/status.ts';
import type { ActivityDeps } from '../deps.ts';
import type { SliceLife, SliceTarget } from './slice.ts';

/** Messages a transaction erases: enough to be quick, few enough to hold locks for a moment. */
const eraseBatch = 1_000;

/**
 * Ends a disconnected connection: erases its untracked mail unless it is to be kept, and closes it
 * in the directory. Does nothing when the connection was connected again meanwhile.
 */
export async function endConnection(
  deps: ActivityDeps,
  target: SliceTarget & { erase: boolean },
  life: SliceLife,
): Promise<{ erased: number }> {
  const licence = await readLicence(deps.database, target);
  let erased = 0;
  if (!licence || licence.wanted !== 'disconnected') return { erased };
  if (target.erase) {
    for (let batch = eraseBatch; batch === eraseBatch; erased += batch) {
      batch = await withFence(deps.database, licence, (tx, wanted) =>
        wanted === 'disconnected' ? eraseUntracked(tx, licence, eraseBatch) : Promise.resolve(0),
      );
      life.heartbeat({ stored: 0, updated: 0, removed: erased, skipped: 0 });
    }
  }
  await withFence(deps.database, licence, async (tx, wanted) => {
    if (wanted !== 'disconnected') return;
    await eraseHidden(tx, licence, eraseBatch);
    await eraseConnectionRest(tx, licence);
    await recordState(tx, licence, 'disconnected', {});
    await closeConnection(tx, licence, licence.capability);
  });
  return { erased };
}
