import { recordAttempt } from '../../../db/queries/sync/intents.ts';
import type { MailSession } from '../../../domain/provider.ts';
import type { SyncFolder } from '../folders.ts';
import type { Slice } from '../slice.ts';

/** What intents are carried out with. */
export interface IntentContext {
  slice: Slice;
  session: MailSession;
  folders: SyncFolder[];
  /** Lists the mailbox anew. */
  list(): Promise<SyncFolder[]>;
}

/** What the carrying out of intents left open. */
export interface Unsettled {
  /** Something is left for a look at the mailbox to settle: the next slice is due at once. */
  again: boolean;
  /** Something has to wait for the mailbox to change. */
  waiting: boolean;
}

/** What became of one batch. */
export interface Attempted extends Unsettled {
  /** Messages of which something is left: what was asked of them later must not go before it. */
  left: ReadonlySet<string>;
  /** The same of a folder: what was asked of folders later must not go before it. */
  foldersLeft: boolean;
  /** Messages have got other ids since the batch was read: it is read again before anything else. */
  outdated: boolean;
}

/** Nothing was to do, or all of it is settled. */
export const nothingLeft: Attempted = {
  ...{ again: false, waiting: false, outdated: false },
  ...{ left: new Set(), foldersLeft: false },
};

/** Counts an attempt at these intents before it is made: one that kills the process counts too. */
export async function beginAttempt({ slice }: IntentContext, ids: string[]): Promise<void> {
  if (ids.length > 0) await slice.write((tx) => recordAttempt(tx, slice.licence, ids));
}
