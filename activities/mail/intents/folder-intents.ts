import {
  findUnmoved,
  isKeptOut,
  recordDone,
  recordRefused,
  type PendingIntent,
} from '../../../db/queries/sync/intents.ts';
import { withTenant } from '../../../db/tenant.ts';
import { hideFolder } from '../../../db/queries/sync/folders.ts';
import { isRefusedForGood, ProviderFailure, unexplainedCode } from '../../../domain/failure.ts';
import { openContent } from '../../../domain/sealed-intent.ts';
import type { SyncFolder } from '../folders.ts';
import type { Slice } from '../slice.ts';
import { beginAttempt, nothingLeft, type Attempted, type IntentContext } from './context.ts';

/**
 * Carries out one intent about a folder. What the listing shows already was done by an attempt
 * before, or by somebody else: then there is nothing left to do. A deletion waits for mail that is to
 * leave the folder first; what keeps that mail says when to look again.
 */
export async function carryOutFolderIntent(
  context: IntentContext,
  intent: PendingIntent,
): Promise<Attempted> {
  const { slice } = context;
  const hindrance = await findHindrance(slice, intent);
  if (hindrance === 'unmoved') return { ...nothingLeft, foldersLeft: true };
  await beginAttempt(context, [intent.id]);
  try {
    if (hindrance) throw hindrance;
    const folderId = await carryOut(context, intent);
    await slice.write((tx) => recordDone(tx, slice.licence, [intent.id], folderId));
  } catch (error) {
    if (!(error instanceof ProviderFailure) || !isRefusedForGood(error)) throw error;
    if (error.code === unexplainedCode && intent.attempts === 0) {
      return { ...nothingLeft, again: true, foldersLeft: true };
    }
    const reason = error.code ?? error.kind;
    await slice.write((tx) => recordRefused(tx, slice.licence, [{ id: intent.id, reason }]));
  }
  return nothingLeft;
}

/** What speaks against carrying it out, by what is in the store. */
async function findHindrance(
  { deps, licence }: Slice,
  intent: PendingIntent,
): Promise<ProviderFailure | 'unmoved' | undefined> {
  const { kind, folderId } = intent;
  if (kind === 'create-folder' || folderId === null) return undefined;
  const { unmoved, keptOut } = await withTenant(deps.database, licence.tenantId, async (tx) => ({
    unmoved: kind === 'delete-folder' ? await findUnmoved(tx, licence, intent) : undefined,
    keptOut: await isKeptOut(tx, licence, folderId),
  }));
  if (unmoved === 'pending') return 'unmoved';
  if (unmoved === 'refused') {
    return refusal('folder-not-emptied', 'Mail that was to leave the folder first is still in it.');
  }
  return keptOut ? refusal('folder-not-synced', 'The folder is kept out of the sync.') : undefined;
}

function refusal(code: string, message: string): ProviderFailure {
  return new ProviderFailure('conflict', message, { code });
}

/** Returns the folder that the intent is about, where that is known now. */
async function carryOut(context: IntentContext, intent: PendingIntent): Promise<string | null> {
  const { path } = openContent(context.slice.vault, intent);
  const folder = context.folders.find(({ id }) => id === intent.folderId);
  switch (intent.kind) {
    case 'create-folder':
      return await create(context, path);
    case 'rename-folder':
      return await rename(context, folder, path);
    default:
      if (folder) await remove(context, folder);
      return null;
  }
}

async function create(context: IntentContext, path: string[]): Promise<string | null> {
  const there = findByPath(context.folders, path);
  if (there) return there.id;
  const made = await context.session.write.createFolder(path);
  return findByPath(await context.list(), made)?.id ?? null;
}

async function rename(
  context: IntentContext,
  folder: SyncFolder | undefined,
  path: string[],
): Promise<string | null> {
  if (!folder) {
    const renamed = findByPath(context.folders, path);
    if (renamed) return renamed.id;
    throw new ProviderFailure('not-found', 'The folder is no longer there.', {
      code: 'imap-folder-missing',
    });
  }
  if (isSamePath(folder.remote.path, path)) return folder.id;
  await context.session.write.renameFolder(folder.remote, path);
  return findByPath(await context.list(), path)?.id ?? null;
}

/**
 * The messages went with the folder, by the member's own wish: nobody needs to be asked again. What
 * another client had moved out of it before keeps its id.
 */
async function remove({ slice, session }: IntentContext, folder: SyncFolder): Promise<void> {
  await session.write.deleteFolder(folder.remote);
  const { caughtUpAt } = slice.facts;
  slice.counts.removed += await slice.write((tx) =>
    hideFolder(tx, slice.licence, folder.id, { caughtUpAt, inferred: false }),
  );
}

function findByPath(folders: SyncFolder[], path: string[]): SyncFolder | undefined {
  return folders.find(({ remote }) => isSamePath(remote.path, path));
}

function isSamePath(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
