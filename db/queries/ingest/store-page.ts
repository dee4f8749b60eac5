import type { SealedMailPage, SealedMessage } from '../../../domain/mail-page.ts';
import type { Cursor, FlagChange, ItemFailure } from '../../../domain/provider.ts';
import type { Licence } from '../../fence.ts';
import type { Tx } from '../../client.ts';
import { together } from '../../pipeline.ts';
import { moveCursor } from './cursors.ts';
import { applyFlagChanges } from './flags.ts';
import { findThreads, writeThreads } from './link-threads.ts';
import { insertAddressesAndLabels, insertMessages, insertParticipants } from './messages.ts';
import { claimTwins, placeMessages } from './placements.ts';
import { endRenumbering } from './renumber.ts';
import { recordStrikes } from './strikes.ts';
import { takeTurns } from './take-turns.ts';
import { hideVanished, liftTombstones } from './vanished.ts';

/** Who brings a page. A repair reads single items again and moves no cursor. */
export type Loop = 'live' | 'backfill' | 'repair';

/** A page of one collection, sealed, with the position that it brings the loop to. */
export interface PageToStore {
  loop: Loop;
  folderId: string;
  uidValidity: string;
  page: SealedMailPage;
  failures: ItemFailure[];
  flagChanges: FlagChange[];
  /** Label ids of each flag change, in the same order. */
  flagChangeLabels: string[][];
  vanished: number[];
  /** Whether what vanished is missing from a listing, instead of being called gone. */
  inferred: boolean;
  /** Of a repair: its items were there after this instant, whatever was thought before. */
  readSince: Date | null;
  /** The loop's position where the page began, and where it leads. */
  from: Cursor | null;
  cursor: Cursor;
  /** Of a history: the live loop's position when it began; null where an earlier slice began it. */
  historyFrom: Cursor | null;
  more: boolean;
  listed: number | undefined;
  /** Since when every folder was known to be in step: bounds the search for a moved twin. */
  caughtUpAt: Date | null;
}

export interface PageCounts {
  stored: number;
  updated: number;
  removed: number;
  skipped: number;
}

/**
 * The one ingest point of mail. Rows and cursor move together: call it inside `withFence`, whose
 * transaction has checked the licence. Storing the same page again changes nothing. Statements that
 * need nothing of each other are sent together.
 */
export async function storeMailPage(
  tx: Tx,
  licence: Licence,
  input: PageToStore,
): Promise<PageCounts> {
  const [, counts] = await together(takeTurns(tx, licence), storeInTurn(tx, licence, input));
  return counts;
}

async function storeInTurn(tx: Tx, licence: Licence, input: PageToStore): Promise<PageCounts> {
  // First, so that what comes with the same page may be where it has gone.
  const vanished = await hideVanished(tx, licence, input);
  const [twins] = await together(
    claimTwins(tx, licence, input),
    // Flag changes bring keywords too, in pages without a message.
    insertAddressesAndLabels(tx, licence, input.page, input.loop),
    applyFlagChanges(tx, licence, input),
    liftTombstones(tx, licence, input),
  );
  const { owners, stored } = await placeMessages(tx, licence, input, twins);
  const messages = ownMessages(input.page.messages, owners);
  const joining = insertParticipants(tx, licence, messages, input.loop);
  const find = () => findThreads(tx, licence, messages);
  // Who takes part in a tracked message is asked once a repair has put that right.
  const finding = input.loop === 'repair' ? joining.then(find) : find();
  const [threads] = await together(finding, joining);
  const writing = together(
    insertMessages(tx, licence, { ...input.page, messages }, threads),
    recordStrikes(tx, licence, input),
    writeThreads(tx, licence, threads),
  );
  const moving = async (): Promise<number> => {
    const listed = input.loop === 'backfill' && !input.more;
    if (listed) await writing;
    const leftOver = listed ? await endRenumbering(tx, licence, input.folderId) : 0;
    const removed = vanished + leftOver;
    await moveCursor(tx, licence, input, stored - removed);
    return removed;
  };
  const [[fresh, skipped], removed] = await together(writing, moving());
  const updated = input.flagChanges.length + owners.size - fresh;
  return { stored, updated, removed, skipped };
}

/**
 * A UID that already belongs to another row (a moved message) keeps it: its twin is left out. Copies
 * in one folder are one message where the provider names messages.
 */
function ownMessages(messages: SealedMessage[], owners: Map<number, string>): SealedMessage[] {
  const owned = messages.filter(({ id, uid }) => owners.get(uid) === id);
  return [...new Map(owned.map((message) => [message.id, message])).values()];
}
