import { listStoredFolders } from '../../db/queries/sync/folders.ts';
import { endRenumbering } from '../../db/queries/ingest/renumber.ts';
import { recordBackfill } from '../../db/queries/sync/status.ts';
import { withTenant } from '../../db/tenant.ts';
import type { HistoryPage, MailSession } from '../../domain/provider.ts';
import type { SliceReport } from '../../domain/sync.ts';
import type { ActivityDeps } from '../deps.ts';
import { pageBounds } from './bounds.ts';
import { syncFolders, type SyncFolder } from './folders.ts';
import { emptyReport, reportOf } from './run-slice.ts';
import { openSlice, withSession, type Slice, type SliceLife, type SliceTarget } from './slice.ts';
import { preparePage, storePreparedPage } from './store-slice-page.ts';

export interface BackfillSliceInput extends SliceTarget {
  failuresBefore: number;
}

/** Imports history, newest first, folder after folder, until it is done or the time is over. */
export async function runBackfillSlice(
  deps: ActivityDeps,
  input: BackfillSliceInput,
  life: SliceLife,
): Promise<SliceReport> {
  const opened = await openSlice(deps, input, life);
  if (opened.kind !== 'open') return await emptyReport(deps, input, opened.kind);
  const { slice } = opened;
  return await reportOf(slice, 'backfill', input.failuresBefore, async () => {
    const complete = await withSession(slice, (session) => importAll(slice, session));
    if (complete) await slice.write((tx) => recordBackfill(tx, slice.licence));
    return complete ? 'done' : 'more';
  });
}

async function importAll(slice: Slice, session: MailSession): Promise<boolean> {
  const folders = await syncFolders(slice, await session.collections());
  // Before the live loop has noted a folder's position, mail could arrive between the two loops.
  const due = folders.filter((folder) => !folder.backfillDone && folder.liveCursor !== null);
  for (const folder of due) {
    if (!(await importHistory(slice, session, folder))) return false;
  }
  return await nothingLeft(slice);
}

/** One folder's history. Returns false when the slice's time ran out before the end. */
async function importHistory(
  slice: Slice,
  session: MailSession,
  folder: SyncFolder,
): Promise<boolean> {
  const pages = session.history({
    collection: folder.remote,
    cursor: folder.backfillCursor,
    since: slice.since,
    bounds: pageBounds,
  });
  if (!(await storeOverlapped(slice, folder, pages))) return false;
  slice.counts.removed += await slice.write((tx) => endRenumbering(tx, slice.licence, folder.id));
  return true;
}

/**
 * Three stages at once: while a page is being stored, the next is decoded and sealed in the
 * thread, and the adapter reads the one after it. Pages are stored in order.
 */
async function storeOverlapped(
  slice: Slice,
  folder: SyncFolder,
  pages: AsyncIterable<HistoryPage>,
): Promise<boolean> {
  let storing = Promise.resolve<{ error?: unknown }>({});
  for await (const page of pages) {
    const prepared = await preparePage(slice, folder, page);
    const before = await storing;
    if ('error' in before) throw before.error;
    const stop = slice.pulse() && page.more;
    storing = storePreparedPage(slice, folder, 'backfill', prepared).then(
      () => ({}),
      (error: unknown) => ({ error }),
    );
    if (stop) {
      await rethrow(storing);
      return false;
    }
  }
  await rethrow(storing);
  slice.pulse();
  return true;
}

async function rethrow(storing: Promise<{ error?: unknown }>): Promise<void> {
  const result = await storing;
  if ('error' in result) throw result.error;
}

async function nothingLeft({ deps, licence }: Slice): Promise<boolean> {
  const folders = await withTenant(deps.database, licence.tenantId, (tx) =>
    listStoredFolders(tx, licence),
  );
  return folders.every((folder) => folder.backfillDone || folder.hidden || folder.excluded);
}
