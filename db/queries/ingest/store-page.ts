import type { SealedMailPage } from '../../../domain/mail-page.ts';
import type { Cursor, FlagChange, ItemFailure } from '../../../domain/provider.ts';
import type { Licence } from '../../fence.ts';
import type { Tx } from '../../client.ts';
import { moveCursor } from './cursors.ts';
import { applyFlagChanges } from './flags.ts';
import { linkThreads } from './link-threads.ts';
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
 * transaction has checked the licence. Storing the same page again changes nothing.
 */
export async function storeMailPage(
  tx: Tx,
  licence: Licence,
  input: PageToStore,
): Promise<PageCounts> {
  await takeTurns(tx, licence);
  const vanished = await hideVanished(tx, licence, input);
  // Flag changes bring keywords too, in pages without a message.
  await insertAddressesAndLabels(tx, licence, input.page, input.loop);
  await applyFlagChanges(tx, licence, input);
  const { fresh, placed, stored } = await storeMessages(tx, licence, input);
  const skipped = await recordStrikes(tx, licence, input);
  const listed = input.loop === 'backfill' && !input.more;
  const leftOver = listed ? await endRenumbering(tx, licence, input.folderId) : 0;
  const removed = vanished + leftOver;
  await moveCursor(tx, licence, input, stored - removed);
  return { stored, updated: input.flagChanges.length + placed - fresh, removed, skipped };
}

async function storeMessages(tx: Tx, licence: Licence, input: PageToStore) {
  if (input.page.messages.length === 0) return { fresh: 0, placed: 0, stored: 0 };
  if (input.readSince) await liftTombstones(tx, licence, input, input.readSince);
  const twins = await claimTwins(tx, licence, input);
  const { owners, stored } = await placeMessages(tx, licence, input, twins);
  // A UID that already belongs to another row (a moved message) keeps it: its twin is left out.
  const owned = input.page.messages.filter(({ id, uid }) => owners.get(uid) === id);
  // Copies in one folder are one message where the provider names messages.
  const messages = [...new Map(owned.map((message) => [message.id, message])).values()];
  await insertParticipants(tx, licence, messages, input.loop);
  const { threads, tracked } = await linkThreads(tx, licence, messages);
  const fresh = await insertMessages(tx, licence, { ...input.page, messages }, threads, tracked);
  return { fresh, placed: owners.size, stored };
}
