import { readLicence, withFence } from '../../db/fence.ts';
import {
  closeConnection,
  eraseAllHidden,
  eraseAllHiddenPlaces,
  eraseConnectionRest,
  eraseSyncRows,
  eraseUntracked,
} from '../../db/queries/sync/erase.ts';
import type { Tx } from '../../db/client.ts';
import { readSealedAccount } from '../../db/queries/sync/account.ts';
import { recordState } from '../../db/queries/sync/status.ts';
import { eraseRemains } from '../../db/queries/sync/mend.ts';
import { eraseOrphans, findOrphans } from '../../db/queries/sync/unused-names.ts';
import type { ActivityDeps } from '../deps.ts';
import { mendAddresses, mendFound } from './mend-found.ts';
import type { SliceLife, SliceTarget } from './slice.ts';

/** Messages a transaction erases: enough to be quick, few enough to hold locks for a moment. */
const eraseBatch = 1_000;

/** A disconnected connection and what was decided of its data when the wait for this began. */
export interface EndInput extends SliceTarget {
  /** When it was to be erased; absent: it is kept. */
  eraseAfter?: string;
}

/**
 * Ends a disconnected connection: erases what is hidden, and its untracked mail unless that is to be
 * kept, and closes it in the directory. Does nothing when the connection was connected again meanwhile, or people
 * decided anew about the data; whoever starts what is missing then looks at it afresh.
 */
export async function endConnection(
  deps: ActivityDeps,
  target: EndInput,
  life: SliceLife,
): Promise<{ erased: number }> {
  const licence = await readLicence(deps.database.db, target);
  let erased = 0;
  // The end of a tenant erases its connections with it.
  if (!licence || licence.tenantState !== 'active') return { erased };
  /** The decision is read in every transaction that acts on it. */
  const whileDecided = async (work: (tx: Tx) => Promise<number>): Promise<number> =>
    await withFence(deps.database, licence, async (tx, wanted) => {
      const account = await readSealedAccount(tx, target);
      const still = account?.eraseAfter?.toISOString() === target.eraseAfter;
      return still && wanted === 'disconnected' ? await work(tx) : 0;
    });
  const beat = () => life.heartbeat({ stored: 0, updated: 0, removed: erased, skipped: 0 });
  const inBatches = async (erase: (tx: Tx) => Promise<number>): Promise<void> => {
    for (let batch = 1; batch > 0; erased += batch) {
      batch = await whileDecided(erase);
      beat();
    }
  };
  await inBatches((tx) => eraseAllHidden(tx, licence, eraseBatch));
  await inBatches((tx) => eraseAllHiddenPlaces(tx, licence, eraseBatch));
  if (target.eraseAfter !== undefined) {
    await inBatches((tx) => eraseUntracked(tx, licence, eraseBatch));
    await inBatches((tx) => eraseSyncRows(tx, licence, eraseBatch));
    const mender = { deps, licence, write: whileDecided };
    await whileDecided(async (tx) => {
      await eraseRemains(tx, licence);
      return 0;
    });
    await mendFound(mender, findOrphans, eraseOrphans);
    // All of the tenant's: no later comparison of this mailbox would come to the rest.
    await mendAddresses(mender, Infinity, beat);
  }
  await whileDecided(async (tx) => {
    if (target.eraseAfter !== undefined) await eraseConnectionRest(tx, licence);
    await recordState(tx, licence, 'disconnected', {});
    await closeConnection(tx, licence, licence.capability);
    return 0;
  });
  return { erased };
}
