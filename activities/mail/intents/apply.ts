import { storeMoved } from '../../../db/queries/ingest/moved.ts';
import { recordAttemptFailure, recordCopiesFrom } from '../../../db/queries/sync/intents.ts';
import { isRefusedForGood, ProviderFailure } from '../../../domain/failure.ts';
import type { FlagsChange } from '../../../domain/intent.ts';
import type { ChangePage } from '../../../domain/provider.ts';
import { changePage } from '../../../domain/change-page.ts';
import type { SyncFolder } from '../folders.ts';
import { storePage } from '../store-slice-page.ts';
import type { IntentContext } from './context.ts';
import type { Ledger } from './ledger.ts';
import type { PlannedChange } from './message-intents.ts';

/** Items of one folder that one command is for, with who asked. */
interface Group<K> {
  folder: SyncFolder;
  what: K;
  items: { uid: number; intents: string[] }[];
}

/** Changes flags, reads them back and stores what the provider shows. */
export async function applyFlags(
  context: IntentContext,
  planned: PlannedChange[],
  ledger: Ledger,
): Promise<void> {
  const groups = groupBy(
    planned.flatMap(({ change, places }) =>
      change.intents.flags.length === 0
        ? []
        : places.map((place) => ({ ...place, what: change.flags, intents: change.intents.flags })),
    ),
    (flags: FlagsChange) => JSON.stringify(flags),
  );
  for (const { folder, what, items } of groups) {
    await refusing(context, ledger, items, async () => {
      const uids = items.map(({ uid }) => uid);
      const { remote: collection } = folder;
      const shown = await context.session.write.changeFlags({ collection, uids, change: what });
      await storeEffect(context, folder, { flagChanges: shown });
      enter(ledger, items, new Set(shown.map(({ uid }) => uid)));
    });
  }
}

/** Moves messages and stores where the provider says they stand; they keep their ids. */
export async function applyMoves(
  context: IntentContext,
  planned: PlannedChange[],
  ledger: Ledger,
): Promise<void> {
  const moves = planned.flatMap(({ change, places, copiesFrom }) => {
    const { folderId: to, intents } = change;
    if (to === undefined) return [];
    // What stands in the target already shows the effect.
    ledger.done(intents.move);
    const away = places.filter(({ folder }) => folder.id !== to);
    return away.map((place) => ({ ...place, what: { to, copiesFrom }, intents: intents.move }));
  });
  const groups = groupBy(moves, ({ to, copiesFrom }) => `${to}/${copiesFrom}`);
  for (const { folder, what, items } of groups) {
    await refusing(context, ledger, items, () => move(context, { folder, what, items }, ledger));
  }
}

async function move(
  context: IntentContext,
  { folder, what, items }: Group<{ to: string; copiesFrom: number | null }>,
  ledger: Ledger,
): Promise<void> {
  const { slice, session } = context;
  const target = context.folders.find(({ id }) => id === what.to);
  if (!target) {
    ledger.refused(
      items.flatMap(({ intents }) => intents),
      'imap-folder-missing',
    );
    return;
  }
  const from = await session.write.copiesFrom(target.remote);
  if (from !== null && what.copiesFrom === null) {
    const ids = items.flatMap(({ intents }) => intents);
    await slice.write((tx) => recordCopiesFrom(tx, slice.licence, ids, from));
  }
  const { moved } = await session.write.move({
    collection: folder.remote,
    target: target.remote,
    uids: items.map(({ uid }) => uid),
    copiesFrom: what.copiesFrom,
  });
  const places = {
    from: { folderId: folder.id, uidValidity: folder.uidValidity },
    toFolderId: target.id,
    moved: moved ?? [],
  };
  await slice.write((tx) => storeMoved(tx, slice.licence, places));
  enter(ledger, items, new Set(places.moved.map(({ uid }) => uid)));
}

/**
 * Deletes messages for good and hides them, with tombstones. One that was gone before stays open:
 * it may have been moved, and then it is deleted at its new place. What the brake holds was looked
 * for elsewhere already. Where the provider keeps what is expunged they are moved to the trash, and
 * the intents stay open: the next look finds them there.
 */
export async function applyDeletions(
  context: IntentContext,
  planned: PlannedChange[],
  ledger: Ledger,
): Promise<void> {
  const trash = context.folders.find(({ role }) => role === 'trash');
  const groups = groupBy(
    planned.flatMap(({ change, places }) =>
      change.deleted
        ? places.map(({ missing, ...place }) => {
            return { ...place, what: { missing }, intents: change.intents.delete };
          })
        : [],
    ),
    ({ missing }) => String(missing),
  );
  for (const { folder, what, items } of groups) {
    await refusing(context, ledger, items, async () => {
      if (folder.remote.keepsExpunged) {
        const toTrash = { to: trash?.id ?? '', copiesFrom: null };
        await move(context, { folder, what: toTrash, items }, ledger);
        ledger.open(items.flatMap(({ intents }) => intents));
        return;
      }
      const uids = items.map(({ uid }) => uid);
      const { gone } = await context.session.write.delete({ collection: folder.remote, uids });
      const over = what.missing ? uids : gone;
      await storeEffect(context, folder, { vanished: over });
      enter(ledger, items, new Set(over));
    });
  }
}

/**
 * A refusal is one of what was asked for; any other failure is the slice's. A folder that is missing
 * since it was listed may have got another name: the next listing tells where its messages are, or
 * that the target is gone.
 */
async function refusing(
  { slice }: IntentContext,
  ledger: Ledger,
  items: Group<unknown>['items'],
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ProviderFailure) || !isRefusedForGood(error)) throw error;
    const ids = items.flatMap(({ intents }) => intents);
    const reason = error.code ?? error.kind;
    if (error.kind === 'not-found') {
      await slice.write((tx) => recordAttemptFailure(tx, slice.licence, ids, reason));
      ledger.open(ids);
    } else ledger.refused(ids, reason);
  }
}

function enter(ledger: Ledger, items: Group<unknown>['items'], shown: Set<number>): void {
  for (const { uid, intents } of items) {
    if (shown.has(uid)) ledger.done(intents);
    else ledger.open(intents);
  }
}

/** Stores what the provider showed through the one way in for mail; no cursor moves. */
async function storeEffect(
  { slice }: IntentContext,
  folder: SyncFolder,
  effect: Partial<Pick<ChangePage, 'flagChanges' | 'vanished'>>,
): Promise<void> {
  const page = changePage({ cursor: {}, more: false, ...effect });
  await storePage(slice, folder, 'repair', page);
}

function groupBy<K>(
  entries: { folder: SyncFolder; uid: number; what: K; intents: string[] }[],
  keyOf: (what: K) => string,
): Group<K>[] {
  const groups = Map.groupBy(entries, ({ folder, what }) => `${folder.id} ${keyOf(what)}`);
  return [...groups.values()].map((group) => ({
    folder: group[0]!.folder,
    what: group[0]!.what,
    items: group.map(({ uid, intents }) => ({ uid, intents })),
  }));
}
