import { recordTrouble } from '../../db/queries/sync/folders.ts';
import { folderHangsUpCode, ProviderFailure, type FailureKind } from '../../domain/failure.ts';
import type { SyncFolder } from './folders.ts';
import type { Slice } from './slice.ts';

/** Kinds that concern one folder when they come from reading it. */
const ownTrouble: FailureKind[] = ['permission-missing', 'not-found'];

/**
 * Works on one folder. Where the provider lists it but will not hand it out, that is noted at the
 * folder, and the mailbox goes on as if the work were done. @returns what the work returns
 */
export async function despiteTrouble(
  slice: Slice,
  folder: SyncFolder,
  work: () => Promise<boolean>,
): Promise<boolean> {
  try {
    const complete = await work();
    if (folder.trouble !== null) await note(slice, folder, null);
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
 * The folders in the order in which they are worked on: those in trouble come last, because trying
 * them may cost the session all the connections that it has.
 */
export function troubledLast(folders: readonly SyncFolder[]): SyncFolder[] {
  return folders.toSorted((a, b) => Number(a.trouble !== null) - Number(b.trouble !== null));
}

async function note(slice: Slice, folder: SyncFolder, trouble: string | null): Promise<void> {
  const { caughtUpAt } = slice.facts;
  await slice.write((tx) => recordTrouble(tx, slice.licence, folder.id, { trouble, caughtUpAt }));
  folder.trouble = trouble;
}
