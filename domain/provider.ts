import type { MailWriter, WriteAbility } from './mail-writer.ts';
import type { AttachmentInfo, FolderRole } from './mail.ts';

/**
 * The port between the sync core and a mail provider. The core knows collections, pages and
 * cursors; what a cursor holds is the adapter's own business. An adapter never writes to the store,
 * and to the provider only what `MailWriter` is asked for.
 */
export interface MailProvider {
  /**
   * Opens a session and proves that the credentials work. The signal ends the session as well,
   * whatever it waits for: what is being read then fails. @throws ProviderFailure
   */
  connect(account: MailAccount, signal?: AbortSignal): Promise<MailSession>;
  /** Closes the idle sessions of a connection, of whatever generation: its credentials are void. */
  dismiss(connectionId: string): void;
}

/** What the store keeps, sealed, of an account at an IMAP server. */
export interface ImapAccount {
  host: string;
  port: number;
  security: 'tls' | 'starttls' | 'none';
  username: string;
  password?: string;
  accessToken?: string;
}

/** Who is asked, with what; `key` names the account's pool of sessions: `connection/generation`. */
export interface MailAccount {
  key: string;
  imap: ImapAccount;
}

export interface MailSession extends AsyncDisposable {
  /** Every collection of the account with its present counters, in one round trip where possible. */
  collections(): Promise<RemoteCollection[]>;
  /** What changed since the cursor, page by page; the last page's cursor is the new position. */
  changes(request: ChangesRequest): AsyncIterable<ChangePage>;
  /** History before the cursor, newest first; ends with a page whose `more` is false. */
  history(request: HistoryRequest): AsyncIterable<HistoryPage>;
  /** Named items once more, for those that failed before. */
  items(request: ItemsRequest): AsyncIterable<ItemsPage>;
  /** The cheap form of everything that is there below the live cursor, for a comparison. */
  listing(request: ListingRequest): AsyncIterable<ListingPage>;
  /** Which of these items are there, asked of the provider now; ascending. */
  existing(request: Pick<ItemsRequest, 'collection' | 'uids'>): Promise<number[]>;
  /** What may be changed at the provider. */
  readonly abilities: readonly WriteAbility[];
  readonly write: MailWriter;
}

/** A provider's own position in a collection. Plain JSON: counters and dates, never content. */
export type Cursor = Readonly<Record<string, string | number | boolean | null>>;

export interface RemoteCollection {
  /** Names from the root down, decoded. */
  path: string[];
  /** The provider's stable name of the collection, an input of its derived id. */
  ref: string;
  role: FolderRole | undefined;
  /** Messages the provider says it holds now. */
  messages: number;
  /** IMAP: UIDVALIDITY as text. */
  uidValidity: string | undefined;
  /** The provider's id of the collection, which outlives a change of its name (MAILBOXID). */
  objectId: string | undefined;
  /** Counters that move whenever anything in the collection may have changed. */
  mark: string;
  /** False when some changes (flags, without CONDSTORE) don't move the mark: compare everything. */
  exact: boolean;
  /** Items are deleted here by way of the trash (Gmail's All Mail): what is expunged stays. */
  keepsExpunged: boolean;
}

export interface ChangesRequest {
  collection: RemoteCollection;
  cursor: Cursor | null;
  known: KnownItems;
  /** Whether to trust the counters, or to compare what is there and its flags whatever they say. */
  depth: 'quick' | 'full';
  bounds: PageBounds;
}

export interface HistoryRequest {
  collection: RemoteCollection;
  cursor: Cursor | null;
  /** Nothing received before this is imported. */
  since: Date | undefined;
  bounds: PageBounds;
}

export interface ItemsRequest {
  collection: RemoteCollection;
  uids: number[];
  bounds: PageBounds;
}

export interface ListingRequest {
  collection: RemoteCollection;
  /** The live loop's position: what is newer belongs to it. */
  cursor: Cursor;
  /** Where an earlier listing stopped; 0 for the beginning. */
  afterUid: number;
  /** The depth that the member asked for; older items are marked as outside of it. */
  since: Date | undefined;
}

/** A complete listing of the UIDs from behind the page before up to `throughUid`, ascending. */
export interface ListingPage {
  items: ListedItem[];
  throughUid: number;
}

export interface ListedItem {
  uid: number;
  /** Undefined where the provider did not state them. */
  flags: FlagChange | undefined;
  /** Certainly received before the depth that the member asked for. */
  outside: boolean;
}

/** Items of the request that exist, each read or failed. */
export type ItemsPage = Pick<HistoryPage, 'messages' | 'failures'>;

/** What the store knows of a collection, asked in ranges so that memory stays flat. */
export interface KnownItems {
  /** How many visible items the store holds. */
  count(): Promise<number>;
  /** Visible items in ascending order after `afterUid` (0 for the first), at most `limit`. */
  flags(afterUid: number, limit: number): Promise<KnownItem[]>;
  /** Keywords in the form of `KnownItem.labels`. */
  labelsOf(keywords: readonly string[]): string;
}

export interface KnownItem {
  uid: number;
  flags: number;
  /** Equal for equal sets of keywords; says nothing else. */
  labels: string;
}

export interface PageBounds {
  itemsMax: number;
  bytesMax: number;
}

/** One item as the provider gave it, not yet decoded. */
export interface RawMessage {
  uid: number;
  flags: number;
  /** Keywords, and labels where the provider has them, in the provider's own words. */
  keywords: string[];
  receivedAt: Date;
  size: number;
  /** The provider's own order of the item's states; 0 where it has none. */
  version: bigint;
  /** A provider-wide stable id where there is one (EMAILID, X-GM-MSGID). */
  stableId: string | undefined;
  /** The provider's own name of the thread (THREADID, X-GM-THRID), which beats References. */
  threadId: string | undefined;
  header: Uint8Array;
  leaves: RawLeaf[];
  attachments: AttachmentInfo[];
}

/** A text/plain or text/html leaf outside attachments, transfer encoding still on. */
export interface RawLeaf {
  subtype: 'plain' | 'html';
  charset: string;
  encoding: string;
  content: Uint8Array;
  truncated: boolean;
}

export interface FlagChange {
  uid: number;
  flags: number;
  keywords: string[];
  version: bigint;
}

/** An item that could not be read; it becomes a strike, and after the last strike a skip. */
export interface ItemFailure {
  uid: number;
  reason: SkipReason;
}

export const skipReasons = [
  'unreadable',
  'too-large',
  'too-complex',
  'provider-refused',
  'provider-hung-up',
  'undecodable',
  'unstorable',
] as const;
export type SkipReason = (typeof skipReasons)[number];

export interface HistoryPage {
  messages: RawMessage[];
  failures: ItemFailure[];
  /** The position after this page; stored in the same transaction as its rows. */
  cursor: Cursor;
  more: boolean;
  /** How many items the provider's listing holds in the asked depth, where this page knows it. */
  listed: number | undefined;
}

export interface ChangePage extends HistoryPage {
  flagChanges: FlagChange[];
  vanished: number[];
  /**
   * How `vanished` is known: false when the provider named each one as gone (a tombstone), true
   * when they are merely missing from a complete listing.
   */
  inferred: boolean;
  /** The collection's items were renumbered (UIDVALIDITY): what is stored has to be matched again. */
  renumbered: boolean;
  /** The provider's order of states began anew: the versions stored of the collection are void. */
  reordered: boolean;
}

/** Watches an account for changes; what it reports is a hint, never data. */
export interface MailWatcher {
  watch(account: MailAccount, listener: WatchListener, signal?: AbortSignal): Promise<WatchSession>;
}

export interface WatchListener {
  /** Something moved. */
  changed(): void;
  /** The session is over; the caller opens another one. */
  ended(): void;
}

export interface WatchSession extends AsyncDisposable {
  /** The present marks of all collections, by the provider's name. */
  sweep(): Promise<{ ref: string; mark: string }[]>;
}
