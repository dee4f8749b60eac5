import { recordBackfill } from '../../db/queries/sync/status.ts';
import type { MailSession } from '../../domain/provider.ts';
import type { SliceReport } from '../../domain/sync.ts';
import type { ActivityDeps } from '../deps.ts';
import { pageBounds } from './bounds.ts';
import { despiteTrouble, worthTrying } from './folder-trouble.ts';
import { knownFolders, readStoredFolders, type SyncFolder } from './folders.ts';
import { giveWay } from './live-first.ts';
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
  const found: Pick<SliceReport, 'lookDue'> = {};
  const report = await reportOf(slice, 'backfill', input.failuresBefore, async () => {
    const complete = await withSession(slice, (session) => importAll(slice, session));
    if (complete && (await finish(slice))) found.lookDue = true;
    return complete ? 'done' : 'more';
  });
  return { ...report, ...found };
}

/** Returns whether a folder changed while it was imported: it is to be looked at once more. */
async function finish(slice: Slice): Promise<boolean> {
  await slice.write((tx) => recordBackfill(tx, slice.licence));
  if (slice.counts.stored === 0) return false;
  const folders = await readStoredFolders(slice);
  return folders.some(({ mark, hidden, excluded }) => mark === null && !hidden && !excluded);
}

/** Imports folder after folder. Returns false when time ran out. */
async function importAll(slice: Slice, session: MailSession): Promise<boolean> {
  const folders = await knownFolders(slice, await session.collections());
  // Before the live loop has noted a folder's position, mail could arrive between the two loops.
  const due = folders.filter((folder) => !folder.backfillDone && folder.liveCursor !== null);
  for (const folder of worthTrying(due)) {
    const importIt = () => importHistory(slice, session, folder);
    if (!(await despiteTrouble(slice, folder, importIt))) break;
  }
  return await nothingLeft(slice);
}

/**
 * One folder's history. Each page is stored before the next is read: that is what a killed worker
 * costs. Returns false when the slice's time is over.
 */
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
  for await (const page of pages) {
    await giveWay(slice.licence.connectionId);
    const prepared = await preparePage(slice, folder, page);
    await giveWay(slice.licence.connectionId);
    await storePreparedPage(slice, folder, 'backfill', prepared);
    if (slice.pulse()) return false;
  }
  return true;
}

async function nothingLeft(slice: Slice): Promise<boolean> {
  const folders = await readStoredFolders(slice);
  return folders.every(
    (folder) => folder.backfillDone || folder.hidden || folder.excluded || folder.trouble !== null,
  );
}
