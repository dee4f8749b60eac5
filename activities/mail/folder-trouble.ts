import { recordTrouble } from '../../db/queries/sync/folders.ts';
import { folderHangsUpCode, ProviderFailure, type FailureKind } from '../../domain/failure.ts';
import type { SyncFolder } from './folders.ts';
import type { Slice } from './slice.ts';

/** Kinds that concern one folder when they come from reading it. */
const ownTrouble: FailureKind[] = ['permission-missing', 'not-found'];

/** Each folder at which the server hangs up costs two connections, of which a session has eight. */
const hangUpsTriedMax = 2;

/**
 * Works on one folder. Where the provider lists it but will not hand it out, that is noted at the
 * folder, and the mailbox goes on as if the work were done. Work that succeeds ends the trouble, unless
 * `isOver` knows better. @returns what the work returns
 */
export async function despiteTrouble(
  slice: Slice,
  folder: SyncFolder,
  work: () => Promise<boolean>,
  isOver: (folder: SyncFolder) => boolean = () => true,
): Promise<boolean> {
  try {
    const complete = await work();
    if (folder.trouble !== null && isOver(folder)) await note(slice, folder, null);
    return complete;
  } catch (error) {
    if (!isFoldersOwn(error)) throw error;
    const trouble = error.code ?? error.kind;
    if (folder.trouble !== trouble) await note(slice, folder, trouble);
    return true;
  }
}

/** Whether what reading a folder threw concerns that folder alone. */
export function isFoldersOwn(error: unknown): error is ProviderFailure {
  if (!(error instanceof ProviderFailure)) return false;
  return ownTrouble.includes(error.kind) || error.code === folderHangsUpCode;
}

/**
 * A look at a folder whose letters could not be imported reads none of them: it says nothing about the
 * trouble, and the import would be tried again, in vain, after each. A comparison lets it be (daily).
 */
export function isOverAfterLook({ trouble, backfillDone, liveCursor }: SyncFolder): boolean {
  return trouble !== folderHangsUpCode || backfillDone || liveCursor === null;
}

/**
 * The folders in the order in which they are worked on: those in trouble come last. Of those at which
 * the server hangs up as many are tried as the session has connections to spare, from any one on.
 */
export function worthTrying(
  folders: readonly SyncFolder[],
  hangUpsTried: number = hangUpsTriedMax,
): SyncFolder[] {
  const isHangUp = ({ trouble }: SyncFolder): boolean => trouble === folderHangsUpCode;
  const hangUps = folders.filter(isHangUp);
  const from = Math.floor(Math.random() * hangUps.length);
  const tried = new Set([...hangUps.slice(from), ...hangUps].slice(0, hangUpsTried));
  return folders
    .filter((folder) => !isHangUp(folder) || tried.has(folder))
    .toSorted((a, b) => Number(a.trouble !== null) - Number(b.trouble !== null));
}

async function note(slice: Slice, folder: SyncFolder, trouble: string | null): Promise<void> {
  const { caughtUpAt } = slice.facts;
  await slice.write((tx) => recordTrouble(tx, slice.licence, folder.id, { trouble, caughtUpAt }));
  folder.trouble = trouble;
}
