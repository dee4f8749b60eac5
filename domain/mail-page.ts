import type { Direction, FolderRole, ParticipantRole } from './mail.ts';
import type { ItemFailure, RawMessage } from './provider.ts';

/** A page of raw messages on its way to the thread that decodes and seals it. */
export interface EncodeJob {
  tenantId: string;
  connectionId: string;
  folderId: string;
  uidValidity: string;
  folderRole: FolderRole | null;
  /** Blind indexes of the account's own addresses: what tells outbound from inbound. */
  ownAddressIds: string[];
  /** Messages the store already knows at these UIDs; they keep their ids. */
  knownIds: Map<number, string>;
  messages: RawMessage[];
}

/** Decodes and seals pages beside the thread that talks to the provider. */
export interface PageEncoder {
  /** @throws PoisonedPageError when the page, not the encoder, is at fault */
  encode(job: EncodeJob): Promise<SealedMailPage>;
}

/** Where a sealed value lies inside the page's blob. */
export type Span = readonly [offset: number, length: number];

/** A page ready to be stored: ids, facts in the clear, and one blob of sealed values. */
export interface SealedMailPage {
  blob: Uint8Array;
  messages: SealedMessage[];
  addresses: { id: string; address: Span }[];
  labels: { id: string; name: Span }[];
  failures: ItemFailure[];
}

export interface SealedMessage {
  id: string;
  uid: number;
  flags: number;
  labelIds: string[];
  version: bigint;
  envelope: Span;
  body: Span;
  messageIdIndex: string | null;
  /** Indexes of In-Reply-To and References, without the message's own. */
  references: string[];
  /** The thread that the provider put it into; null where it has none of its own. */
  threadIndex: string | null;
  twinIndex: string;
  contentIndex: string;
  sentAt: Date | null;
  receivedAt: Date;
  size: number;
  direction: Direction;
  hasAttachments: boolean;
  participants: { role: ParticipantRole; addressId: string }[];
}
