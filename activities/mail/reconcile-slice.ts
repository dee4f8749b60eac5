import { eraseHidden, eraseHiddenPlaces } from '../../db/queries/sync/erase.ts';
import {
  eraseRemains,
  findUnplaced,
  hideUnplaced,
  recountFolder,
  releaseHangUps,
} from '../../db/queries/sync/mend.ts';
import {
  beginRun,
  finishFolderRun,
  finishRun,
  openFolderRun,
  type ReconciliationRun,
} from '../../db/queries/sync/reconciliation-runs.ts';
import {
  eraseKeywords,
  eraseOrphans,
  findOrphans,
  findUnusedKeywords,
} from '../../db/queries/sync/unused-names.ts';
import type { MailSession } from '../../domain/provider.ts';
import type { SliceReport } from '../../domain/sync.ts';
import type { ActivityDeps } from '../deps.ts';
import { despiteTrouble } from './folder-trouble.ts';
import { knownFolders, type SyncFolder } from './folders.ts';
import { mendAddresses, mendFound } from './mend-found.ts';
import { reconcileWindow } from './reconcile-window.ts';
import { emptyReport, reportOf } from './run-slice.ts';
import { openSlice, withSession, type Slice, type SliceLife, type SliceTarget } from './slice.ts';

/** Messages a transaction erases: pages of the tenant wait for no more. */
const eraseBatch = 1_000;

/**
 * How often a comparison looks at addresses, 2,000 each time: all that most tenants have, and no more
 * for a mailbox whose tenant has many others.
 */
const addressLooksMax = 10;

export interface ReconcileSliceInput extends SliceTarget {
  failuresBefore: number;
}

/**
 * Compares the provider's own listing with the store, folder after folder and window after window:
 * what is missing is read again, what is gone is hidden, what was changed is mended, and each
 * folder gets a row that says so. It goes on where an earlier slice of the same run stopped.
 */
export async function runReconcileSlice(
  deps: ActivityDeps,
  input: ReconcileSliceInput,
  life: SliceLife,
): Promise<SliceReport> {
  const opened = await openSlice(deps, input, life);
  if (opened.kind !== 'open') return await emptyReport(deps, input, opened.kind);
  const { slice } = opened;
  return await reportOf(slice, 'repair', input.failuresBefore, async () => {
    const run = await slice.write((tx) => beginRun(tx, slice.licence));
    if (!run) return 'done';
    const complete = await withSession(slice, (session) => reconcileAll(slice, session, run));
    const settled = complete && (await settle(slice));
    return settled ? 'done' : 'more';
  });
}

async function reconcileAll(
  slice: Slice,
  session: MailSession,
  run: ReconciliationRun,
): Promise<boolean> {
  const folders = await knownFolders(slice, await session.collections());
  for (const folder of folders) {
    // A folder that is still being imported, renumbered or refused is compared the next time.
    if (!folder.backfillDone || folder.liveCursor === null || folder.trouble !== null) continue;
    const compareIt = () => reconcileFolder(slice, session, folder, run);
    if (!(await despiteTrouble(slice, folder, compareIt))) return false;
  }
  return true;
}

/** Returns false when the slice's time ran out before the end of the folder. */
async function reconcileFolder(
  slice: Slice,
  session: MailSession,
  folder: SyncFolder,
  run: ReconciliationRun,
): Promise<boolean> {
  const { licence } = slice;
  const { id: folderId, uidValidity } = folder;
  const part = await slice.write((tx) =>
    openFolderRun(tx, licence, run, { folderId, uidValidity }),
  );
  if (!part) return true;
  const listing = session.listing({
    collection: folder.remote,
    cursor: folder.liveCursor!,
    afterUid: part.healedUid,
    since: slice.since,
  });
  for await (const page of listing) {
    if (!(await reconcileWindow({ slice, session, folder, run, part }, page))) return false;
    if (slice.pulse()) return false;
  }
  await slice.write(async (tx) => {
    await recountFolder(tx, licence, folderId);
    await finishFolderRun(tx, licence, part);
  });
  return !slice.pulse();
}

/**
 * What concerns the connection as a whole, once all folders are done. Returns false when the slice's
 * time ran out over a lot that had to be erased.
 */
async function settle(slice: Slice): Promise<boolean> {
  const { licence } = slice;
  for (const erase of [eraseHidden, eraseHiddenPlaces]) {
    for (let erased = eraseBatch; erased >= eraseBatch;) {
      erased = await slice.write((tx) => erase(tx, licence, eraseBatch));
      if (slice.pulse()) return false;
    }
  }
  slice.counts.removed += await mendFound(slice, findUnplaced, hideUnplaced);
  await slice.write((tx) => eraseRemains(tx, licence));
  await mendFound(slice, findUnusedKeywords, eraseKeywords);
  await mendFound(slice, findOrphans, eraseOrphans);
  await mendAddresses(slice, addressLooksMax, slice.pulse);
  await slice.write((tx) => releaseHangUps(tx, licence));
  await slice.write((tx) => finishRun(tx, licence));
  return true;
}
