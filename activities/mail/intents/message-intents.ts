import {
  listLatelyHidden,
  listMessagesOfIntents,
  listPlacesOf,
  type PendingIntent,
  type PlaceOfMessage,
} from '../../../db/queries/sync/intents.ts';
import { withTenant } from '../../../db/tenant.ts';
import { foldIntents, type MessageIntent, type NetChange } from '../../../domain/intent.ts';
import { openContent } from '../../../domain/sealed-intent.ts';
import type { SyncFolder } from '../folders.ts';
import type { Slice } from '../slice.ts';
import { beginAttempt, nothingLeft, type Attempted, type IntentContext } from './context.ts';
import { applyDeletions, applyFlags, applyMoves } from './apply.ts';
import { createLedger, type Ledger } from './ledger.ts';

/** A message with what is to become of it, and where it lies. */
export interface PlannedChange {
  change: NetChange;
  places: { folder: SyncFolder; uid: number; missing: boolean }[];
  /** The note of an earlier attempt at its move. */
  copiesFrom: number | null;
}

/**
 * Carries out intents about messages, folded into one change a message and grouped into as few
 * commands as there are different changes a folder. An intent concerns its message at every place
 * that it has: flags are those of the message, and a deletion leaves none of it behind.
 */
export async function carryOutMessageIntents(
  context: IntentContext,
  batch: PendingIntent[],
): Promise<Attempted> {
  const { slice } = context;
  const ledger = createLedger(batch);
  const plans = await plan(context, batch, ledger);
  if (plans === 'outdated') return { ...nothingLeft, again: true, outdated: true };
  const { planned, waiting } = plans;
  const due = planned.flatMap(({ change: { intents } }) => [
    ...intents.flags,
    ...intents.move,
    ...intents.delete,
  ]);
  await beginAttempt(context, due);
  await applyFlags(context, planned, ledger);
  await applyMoves(context, planned, ledger);
  await applyDeletions(context, planned, ledger);
  const open = await ledger.settle(slice);
  const messagesOf = (ids: ReadonlySet<string>) =>
    batch.flatMap(({ id, messageId }) => (messageId !== null && ids.has(id) ? [messageId] : []));
  const left = new Set([...messagesOf(open), ...waiting]);
  return { ...nothingLeft, again: open.size > 0, waiting: waiting.size > 0, left };
}

/**
 * Finds the messages' places. What needs no command is entered in the ledger at once. A batch of
 * which a message got another id since it was read is outdated: under the old one it seems gone.
 */
async function plan(
  context: IntentContext,
  batch: PendingIntent[],
  ledger: Ledger,
): Promise<{ planned: PlannedChange[]; waiting: Set<string> } | 'outdated'> {
  const { slice } = context;
  const changes = foldIntents(batch.map((intent) => toMessageIntent(slice, intent)));
  const ids = [...changes.keys()];
  const { found, latelyHidden, about } = await withTenant(
    slice.deps.database,
    slice.licence.tenantId,
    async (tx) => ({
      found: await listPlacesOf(tx, slice.licence, ids),
      latelyHidden: await listLatelyHidden(tx, slice.licence, ids, slice.facts.caughtUpAt),
      // Last: what changes after it has been seen at its place.
      about: await listMessagesOfIntents(
        tx,
        slice.licence,
        batch.map(({ id }) => id),
      ),
    }),
  );
  if (batch.some(({ id, messageId }) => about.get(id) !== messageId)) return 'outdated';
  const places = Map.groupBy(found, ({ messageId }) => messageId);
  const folders = new Map(context.folders.map((folder) => [folder.id, folder]));
  const notes = new Map(batch.map(({ id, copiesFrom }) => [id, copiesFrom]));
  const planned: PlannedChange[] = [];
  const waiting = new Set<string>();
  for (const [messageId, change] of changes) {
    const { intents } = change;
    ledger.follow(intents.overtaken, [...intents.move, ...intents.delete]);
    const all = places.get(messageId) ?? [];
    const listed = all.filter(({ folderId }) => folders.has(folderId));
    const known = listed.flatMap((place) => knownPlace(folders, place));
    const lately = all.length === 0 ? latelyHidden.get(messageId) : undefined;
    if (lately === 'look') {
      // On its way to another folder, for all that is known: the next look will tell.
      ledger.open([...intents.flags, ...intents.move, ...intents.delete]);
    } else if (lately === 'history') {
      waiting.add(messageId);
    } else if (listed.length === 0 && all.some(({ missing }) => missing)) {
      // Its folder went, or was left out of one listing: whoever is asked about the deletion says which.
      waiting.add(messageId);
    } else if (listed.length === 0) {
      // Gone for good, or where nothing is synced: nobody can say where a command should go.
      const gone = all.length === 0;
      const rest = [...intents.flags, ...intents.move, ...(gone ? [] : intents.delete)];
      ledger.refused(rest, gone ? 'message-gone' : 'folder-not-synced');
      if (gone) ledger.done(intents.delete);
    } else if (known.length < listed.length && isStuck(folders, listed)) {
      // Where the listing does not come either, nobody can say how long to wait.
      ledger.refused([...intents.flags, ...intents.move, ...intents.delete], 'folder-not-synced');
    } else if (known.length < listed.length) {
      // A folder is being renumbered: when that is over, its listing tells where things are.
      waiting.add(messageId);
    } else {
      const note = notes.get(intents.move[0] ?? '');
      planned.push({ change, places: known, copiesFrom: note ? Number(note) : null });
    }
  }
  return { planned, waiting };
}

function knownPlace(
  folders: Map<string, SyncFolder>,
  { folderId, uid, uidValidity, missing }: PlaceOfMessage,
): PlannedChange['places'] {
  const folder = folders.get(folderId);
  // A UID means nothing under another numbering.
  if (!folder || uid <= 0 || (uidValidity ?? '') !== folder.uidValidity) return [];
  return [{ folder, uid, missing }];
}

/** Whether a place is unknown because its folder cannot be read. */
function isStuck(folders: Map<string, SyncFolder>, places: PlaceOfMessage[]): boolean {
  return places.some((place) => {
    const folder = folders.get(place.folderId);
    return (
      folder !== undefined && folder.trouble !== null && knownPlace(folders, place).length === 0
    );
  });
}

function toMessageIntent(slice: Slice, intent: PendingIntent): MessageIntent {
  const { addKeywords, removeKeywords } = openContent(slice.vault, intent);
  return {
    id: intent.id,
    messageId: intent.messageId ?? '',
    kind: intent.kind as MessageIntent['kind'],
    folderId: intent.folderId,
    addFlags: intent.addFlags,
    removeFlags: intent.removeFlags,
    addKeywords,
    removeKeywords,
  };
}
