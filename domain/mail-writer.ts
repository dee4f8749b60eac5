import type { FlagsChange } from './intent.ts';
import type { FlagChange, RemoteCollection } from './provider.ts';

/**
 * What a provider lets be changed: flags and keywords, labels (given, taken and made), messages to
 * another folder, messages for good, folders. What is not among it is refused.
 */
export const writeAbilities = ['flags', 'labels', 'move', 'delete', 'folders'] as const;
export type WriteAbility = (typeof writeAbilities)[number];

/**
 * Changes at the provider, a set of items at a time. Each can be asked for again after a crash:
 * what is done already is no failure. Items that are gone are missing from the answer. Every verb
 * @throws ProviderFailure: of a kind of `isRefusedForGood` when the provider will not have it.
 */
export interface MailWriter {
  /** Adds and removes flags and keywords; returns them as the provider shows them afterwards. */
  changeFlags(request: FlagsRequest): Promise<FlagChange[]>;
  /**
   * Null where a move is one step for the provider. Elsewhere it is a copy and a deletion, and this
   * is the least UID that a copy made from now on can have in the target.
   */
  copiesFrom(target: RemoteCollection): Promise<number | null>;
  /** Moves items to another collection. */
  move(request: MoveRequest): Promise<MoveOutcome>;
  /**
   * Deletes items for good, whatever else in the collection is marked as deleted. Returns those that
   * this call has deleted: one that was gone before may have been moved, and lie elsewhere.
   */
  delete(request: { collection: RemoteCollection; uids: number[] }): Promise<{ gone: number[] }>;
  /** Makes a collection with this path and returns the path as the next listing shows it. */
  createFolder(path: string[]): Promise<string[]>;
  renameFolder(collection: RemoteCollection, path: string[]): Promise<string[]>;
  /** Deletes a collection with everything in it. */
  deleteFolder(collection: RemoteCollection): Promise<void>;
}

export interface FlagsRequest {
  collection: RemoteCollection;
  uids: number[];
  change: FlagsChange;
}

export interface MoveRequest {
  collection: RemoteCollection;
  uids: number[];
  target: RemoteCollection;
  /** Set when an earlier attempt may have copied: copies are looked for from this UID on. */
  copiesFrom: number | null;
}

export interface MovedItem {
  uid: number;
  newUid: number;
}

export interface MoveOutcome {
  /** Undefined where the provider does not say where the items stand now. */
  moved: MovedItem[] | undefined;
}
