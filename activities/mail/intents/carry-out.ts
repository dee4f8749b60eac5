import {
  listPendingIntents,
  recordAttemptFailure,
  recordRefused,
  type PendingIntent,
} from '../../../db/queries/sync/intents.ts';
import { withTenant } from '../../../db/tenant.ts';
import { ProviderFailure } from '../../../domain/failure.ts';
import type { SyncFolder } from '../folders.ts';
import type { Slice } from '../slice.ts';
import { nothingLeft, type Attempted, type IntentContext, type Unsettled } from './context.ts';
import { carryOutFolderIntent } from './folder-intents.ts';
import { carryOutMessageIntents } from './message-intents.ts';

/** Intents carried out together: a bulk change is a command a folder, its UIDs a few kilobytes. */
export const intentBatchSize = 500;

/** A fault of the moment is gone by then; what still fails is what was asked for. */
const attemptsMax = 5;

/** After so many failed attempts an intent stands alone, so that it takes no other down with it. */
const attemptsTogetherMax = 2;

export interface CarriedOut extends Unsettled {
  /** The folders as they are afterwards. */
  folders: SyncFolder[];
}

/**
 * Carries out what was asked for through the API, in the order in which it was asked: what is left of
 * a message's holds back what was asked of the same message later, until the next slice, and the
 * deletion of the folder that it lies in; what is left of a folder's, what was asked of folders. The intents
 * end after the transaction that stored what the provider showed, so that reads never see the old
 * state again; a crash anywhere leaves them, and the next slice looks before it repeats. What is
 * refused is finished with the reason. Trouble with the connection is the slice's trouble: it is
 * thrown, and counted, so that no intent can hold up the sync for good.
 */
export async function carryOutIntents(
  start: IntentContext,
  firstPending: PendingIntent[],
): Promise<CarriedOut> {
  const { slice } = start;
  let context = start;
  let touched = false;
  const left: Unsettled = { again: false, waiting: false };
  const heldBack = new Set<string>();
  let foldersHeldBack = false;
  for (let pending = firstPending; ;) {
    const batch = batchOf(pending);
    const last = batch.at(-1);
    if (!last) break;
    touched = true;
    const isDue = ({ messageId }: PendingIntent) =>
      messageId === null ? !foldersHeldBack : !heldBack.has(messageId);
    const attempted = await attempt(context, await refuseExhausted(slice, batch.filter(isDue)));
    left.again ||= attempted.again;
    left.waiting ||= attempted.waiting;
    if (attempted.outdated) break;
    for (const messageId of attempted.left) heldBack.add(messageId);
    foldersHeldBack ||= attempted.foldersLeft;
    if (isAboutFolders(last) && !foldersHeldBack)
      context = { ...context, folders: await context.list() };
    if (slice.pulse()) {
      left.again = true;
      break;
    }
    pending = await readPending(slice, last.position);
  }
  return { ...left, folders: touched ? await context.list() : context.folders };
}

async function readPending({ deps, licence }: Slice, after: string): Promise<PendingIntent[]> {
  return await withTenant(deps.database, licence.tenantId, (tx) =>
    listPendingIntents(tx, licence, after, intentBatchSize),
  );
}

/** The intents next in order that go together: messages', or a single folder's. */
function batchOf(pending: PendingIntent[]): PendingIntent[] {
  const isAlone = (intent: PendingIntent) =>
    isAboutFolders(intent) || intent.attempts >= attemptsTogetherMax;
  const end = pending.findIndex(isAlone);
  if (end < 0) return pending;
  return pending.slice(0, Math.max(end, 1));
}

async function refuseExhausted(slice: Slice, batch: PendingIntent[]): Promise<PendingIntent[]> {
  const exhausted = batch.filter(({ attempts }) => attempts >= attemptsMax);
  if (exhausted.length > 0) {
    const refusals = exhausted.map(({ id, reason }) => ({ id, reason: reason ?? 'no-effect' }));
    await slice.write((tx) => recordRefused(tx, slice.licence, refusals));
  }
  return batch.filter(({ attempts }) => attempts < attemptsMax);
}

async function attempt(context: IntentContext, batch: PendingIntent[]): Promise<Attempted> {
  const { slice } = context;
  const [first] = batch;
  if (!first) return nothingLeft;
  const ids = batch.map(({ id }) => id);
  try {
    return isAboutFolders(first)
      ? await carryOutFolderIntent(context, first)
      : await carryOutMessageIntents(context, batch);
  } catch (error) {
    if (error instanceof ProviderFailure) {
      const reason = error.code ?? error.kind;
      await slice.write((tx) => recordAttemptFailure(tx, slice.licence, ids, reason));
    }
    throw error;
  }
}

function isAboutFolders({ kind }: PendingIntent): boolean {
  return kind === 'create-folder' || kind === 'rename-folder' || kind === 'delete-folder';
}
