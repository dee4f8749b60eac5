import { releaseHeld } from '../../db/queries/sync/held-deletions.ts';
import {
  recordFound,
  recordHealed,
  type FolderRun,
  type ReconciliationRun,
} from '../../db/queries/sync/reconciliation-runs.ts';
import {
  readPlaces,
  readSkips,
  type StoredPlace,
  type UidWindow,
} from '../../db/queries/sync/reconciliation-window.ts';
import { withTenant } from '../../db/tenant.ts';
import type {
  ChangePage,
  FlagChange,
  ListingPage,
  MailSession,
  SkipReason,
} from '../../domain/provider.ts';
import type { SyncFolder } from './folders.ts';
import { refill, type Refilled } from './refill.ts';
import { labelId, storePage } from './store-slice-page.ts';
import type { Slice } from './slice.ts';
import { findAltered } from './verify-messages.ts';

/** One folder's part of a run, at work. */
export interface FolderWork {
  slice: Slice;
  session: MailSession;
  folder: SyncFolder;
  run: ReconciliationRun;
  part: FolderRun;
}

/** What a window of the listing and the store disagree about, by UID. */
interface WindowDifferences {
  /** Listed, neither stored nor known to be unstorable, inside the depth asked for. */
  lacking: number[];
  /** Listed and not stored, because it could not be. */
  skipped: Map<number, SkipReason>;
  /** Listed and not stored, because it is older than the member asked for. */
  outside: number;
  extra: number[];
  /** Held as missing, and listed again. */
  reappeared: number[];
  flagChanges: FlagChange[];
  /** Rows that say other flags of the same version than the provider. */
  alteredFlags: number[];
  altered: Set<number>;
}

/**
 * Compares one window and mends it. Differences are counted before, and the position moves after,
 * so that a window which is repeated after a kill counts once. False: time ran out in between.
 */
export async function reconcileWindow(work: FolderWork, page: ListingPage): Promise<boolean> {
  const { slice, folder, part } = work;
  const { licence } = slice;
  const window: UidWindow = {
    tenantId: licence.tenantId,
    folderId: folder.id,
    afterUid: part.healedUid,
    throughUid: page.throughUid,
  };
  const found = await compare(work, window, page);
  const fresh = (uids: Iterable<number>) => [...uids].filter((uid) => uid > part.countedUid).length;
  const counts = {
    missing: fresh(found.lacking) + fresh(found.skipped.keys()),
    extra: fresh(found.extra),
    altered: fresh(new Set([...found.altered, ...found.alteredFlags])),
  };
  await slice.write(async (tx) => {
    await recordFound(tx, licence, part, counts, page.throughUid);
    await releaseHeld(tx, licence, folder.id, found.reappeared);
  });
  part.countedUid = Math.max(part.countedUid, page.throughUid);
  await hideAndFlag(work, found);
  const refilled = await refill(work, [...found.lacking, ...found.altered]);
  if (!refilled) return false;
  await moveOn(work, window, page, found, refilled);
  return true;
}

async function compare(
  work: FolderWork,
  window: UidWindow,
  page: ListingPage,
): Promise<WindowDifferences> {
  const { slice } = work;
  const { places, skips } = await withTenant(slice.deps.database, window.tenantId, async (tx) => ({
    places: await readPlaces(tx, window),
    skips: await readSkips(tx, window),
  }));
  const found: WindowDifferences = {
    lacking: [],
    skipped: new Map(),
    outside: 0,
    extra: [],
    reappeared: [],
    flagChanges: [],
    alteredFlags: [],
    altered: new Set(),
  };
  const extra = new Map(places);
  for (const { uid, flags, outside } of page.items) {
    extra.delete(uid);
    const place = places.get(uid);
    const skip = skips.get(uid);
    if (place) comparePlace(slice, found, place, flags);
    else if (skip) found.skipped.set(uid, skip);
    else if (outside) found.outside += 1;
    else found.lacking.push(uid);
  }
  found.extra = [...extra.keys()];
  const listed = [...places.values()].filter(({ uid }) => !extra.has(uid));
  const suspects = listed.filter(({ suspect }) => suspect).map(({ uid }) => uid);
  for (const uid of await findAltered(work, window, suspects)) {
    if (!extra.has(uid)) found.altered.add(uid);
  }
  return found;
}

function comparePlace(
  slice: Slice,
  found: WindowDifferences,
  place: StoredPlace,
  listed: FlagChange | undefined,
): void {
  if (place.held) found.reappeared.push(place.uid);
  if (place.torn) found.altered.add(place.uid);
  if (!listed) return;
  const labels = listed.keywords.map((name) => labelId(slice, name)).toSorted();
  const same = place.flags === listed.flags && place.labels.toSorted().join() === labels.join();
  if (same && !place.nameless) return;
  found.flagChanges.push(listed);
  if (place.version >= listed.version) found.alteredFlags.push(place.uid);
}

/** Hides what the listing does not show, as far as the brake lets it, and applies the flags. */
async function hideAndFlag(
  { slice, folder }: FolderWork,
  { extra, flagChanges }: WindowDifferences,
): Promise<void> {
  if (extra.length === 0 && flagChanges.length === 0) return;
  const page: ChangePage = {
    messages: [],
    failures: [],
    flagChanges,
    vanished: extra,
    inferred: true,
    renumbered: false,
    reordered: false,
    listed: undefined,
    cursor: {},
    more: true,
  };
  await storePage(slice, folder, 'repair', page);
}

async function moveOn(
  { slice, part }: FolderWork,
  window: UidWindow,
  page: ListingPage,
  found: WindowDifferences,
  refilled: Refilled,
): Promise<void> {
  const { licence, deps } = slice;
  const after = await withTenant(deps.database, licence.tenantId, (tx) => readPlaces(tx, window));
  const gone = refilled.gone.size;
  const older = refilled.older.size;
  let stored = 0;
  for (const { uid } of page.items) {
    const place = after.get(uid);
    if (place && !place.torn) stored += 1;
  }
  const listed = page.items.length - gone;
  const outside = found.outside + older;
  for (const reason of found.skipped.values()) {
    part.skipped[reason] = (part.skipped[reason] ?? 0) + 1;
  }
  const missing = Math.max(0, listed - outside - stored);
  const lacking = new Set(found.lacking);
  const noneOfOurs = [...refilled.gone, ...refilled.older].filter((uid) => lacking.has(uid)).length;
  await slice.write((tx) =>
    recordHealed(
      tx,
      licence,
      part,
      { listed, outside, stored, missing, noneOfOurs },
      page.throughUid,
    ),
  );
  part.healedUid = page.throughUid;
}
