import { isDataFault } from '../../db/data-fault.ts';
import { findPlacedMessages } from '../../db/queries/sync/known-items.ts';
import { voidVersions } from '../../db/queries/ingest/flags.ts';
import { storeMailPage, type Loop } from '../../db/queries/ingest/store-page.ts';
import { beginRenumbering } from '../../db/queries/ingest/renumber.ts';
import { takeTurns } from '../../db/queries/ingest/take-turns.ts';
import { PoisonedPageError } from '../../domain/failure.ts';
import type {
  ChangePage,
  Cursor,
  FlagChange,
  HistoryPage,
  SkipReason,
} from '../../domain/provider.ts';
import type { SealedMailPage } from '../../domain/mail-page.ts';
import type { SyncFolder } from './folders.ts';
import type { Slice } from './slice.ts';

/** A page on its way into the store: sealed, with what else it brought. */
export interface PreparedPage {
  page: HistoryPage | ChangePage;
  sealed: SealedMailPage;
  /** Of a repair: when the reading began, by the database's clock. */
  readSince?: Date;
}

/** Takes in a page of which nothing needs to be known in between. */
export async function storePage(
  slice: Slice,
  folder: SyncFolder,
  loop: Loop,
  page: HistoryPage | ChangePage,
  readSince?: Date,
): Promise<void> {
  const prepared = await preparePage(slice, folder, page);
  await storePreparedPage(slice, folder, loop, { ...prepared, ...(readSince && { readSince }) });
}

/**
 * Decodes and seals a page in the threads; nothing is written yet. When the page as a whole is more
 * than a thread can take, every item of it gets a strike, so that the cursor may move: the repair
 * reads them again one by one, and then only the item at fault fails.
 */
export async function preparePage(
  slice: Slice,
  folder: SyncFolder,
  page: HistoryPage | ChangePage,
): Promise<PreparedPage> {
  const { deps, licence } = slice;
  if (page.messages.length === 0) return { page, sealed: sealLabels(slice, flagChangesOf(page)) };
  const uids = page.messages.map((message) => message.uid);
  const job = {
    tenantId: licence.tenantId,
    connectionId: licence.connectionId,
    folderId: folder.id,
    uidValidity: folder.uidValidity,
    folderRole: folder.role,
    ownAddressIds: slice.ownAddressIds,
    knownIds: await findPlacedMessages(deps.database, licence.tenantId, folder.id, uids),
    messages: page.messages,
  };
  try {
    return { page, sealed: await deps.encoder.encode(job) };
  } catch (error) {
    if (!(error instanceof PoisonedPageError)) throw error;
    deps.log.warn({ connectionId: licence.connectionId, items: uids.length }, 'page poisoned');
    return { page, sealed: failedPage(uids, 'undecodable') };
  }
}

/**
 * Stores a prepared page with its cursor in one transaction, and adds it to the counts; the folder
 * stands at the new position afterwards. Values that
 * the database cannot hold poison the page like a message that cannot be decoded.
 */
export async function storePreparedPage(
  slice: Slice,
  folder: SyncFolder,
  loop: Loop,
  prepared: PreparedPage,
): Promise<void> {
  try {
    await write(slice, folder, loop, prepared);
  } catch (error) {
    const uids = prepared.sealed.messages.map(({ uid }) => uid);
    if (uids.length === 0 || !isDataFault(error)) throw error;
    const { connectionId } = slice.licence;
    slice.deps.log.warn({ connectionId, items: uids.length }, 'page poisoned');
    const { failures } = prepared.sealed;
    const sealed = failedPage(uids, 'unstorable');
    sealed.failures.push(...failures);
    await write(slice, folder, loop, { ...prepared, sealed });
  }
}

async function write(
  slice: Slice,
  folder: SyncFolder,
  loop: Loop,
  { page, sealed, readSince }: PreparedPage,
): Promise<void> {
  const flagChanges = flagChangesOf(page);
  const from = positionOf(folder, loop);
  const stored = await slice.write(async (tx) => {
    if ('vanished' in page && (page.renumbered || page.reordered)) {
      await takeTurns(tx, slice.licence);
    }
    if ('renumbered' in page && page.renumbered) {
      const { caughtUpAt } = slice.facts;
      await beginRenumbering(tx, slice.licence, folder.id, folder.uidValidity, caughtUpAt);
    }
    if ('reordered' in page && page.reordered) await voidVersions(tx, slice.licence, folder.id);
    return await storeMailPage(tx, slice.licence, {
      loop,
      folderId: folder.id,
      uidValidity: folder.uidValidity,
      page: sealed,
      failures: page.failures,
      flagChanges,
      flagChangeLabels: flagChanges.map(({ keywords }) =>
        keywords.map((name) => labelId(slice, name)),
      ),
      vanished: 'vanished' in page ? page.vanished : [],
      inferred: 'inferred' in page && page.inferred,
      readSince: readSince ?? null,
      ...{ from, cursor: page.cursor, historyFrom: folder.historyFrom },
      more: page.more,
      listed: page.listed,
      caughtUpAt: slice.facts.caughtUpAt,
    });
  });
  if (loop === 'live') folder.liveCursor = page.cursor;
  if (loop === 'backfill') folder.backfillCursor = page.cursor;
  slice.counts.stored += stored.stored;
  slice.counts.updated += stored.updated;
  slice.counts.removed += stored.removed;
  slice.counts.skipped += stored.skipped;
}

function positionOf({ liveCursor, backfillCursor }: SyncFolder, loop: Loop): Cursor | null {
  return loop === 'live' ? liveCursor : loop === 'backfill' ? backfillCursor : null;
}

function failedPage(uids: number[], reason: SkipReason): SealedMailPage {
  const failures = uids.map((uid) => ({ uid, reason }));
  return { blob: new Uint8Array(), messages: [], addresses: [], labels: [], failures };
}

function flagChangesOf(page: HistoryPage | ChangePage): FlagChange[] {
  return 'flagChanges' in page ? page.flagChanges : [];
}

/** A keyword's or label's id; equal names have equal ids. */
export function labelId(slice: Slice, name: string): string {
  return slice.vault.index('keyword', slice.licence.connectionId, name);
}

/** A page of flag changes brings no messages, but its keywords still need their names stored. */
function sealLabels(slice: Slice, changes: FlagChange[]): SealedMailPage {
  const names = new Set(changes.flatMap((change) => change.keywords));
  const values = [...names].map((name) => {
    const rowId = labelId(slice, name);
    const place = { table: 'labels', column: 'name', rowId };
    return { id: rowId, sealed: slice.vault.seal(place, Buffer.from(JSON.stringify({ name }))) };
  });
  let offset = 0;
  const labels = values.map(({ id, sealed }) => {
    const name = [offset, sealed.length] as const;
    offset += sealed.length;
    return { id, name };
  });
  const blob = Buffer.concat(values.map(({ sealed }) => sealed));
  return { blob, messages: [], addresses: [], labels, failures: [] };
}
