export interface Message {
  readonly uid: number;
  /** Decimal, and the same wherever the message lies (RFC 8474 EMAILID, X-GM-MSGID). */
  readonly id: string;
  /** Decimal; the id of the message that its thread began with (THREADID, X-GM-THRID). */
  readonly thread: string;
  flags: Set<string>;
  /** X-GM-LABELS. */
  labels: Set<string>;
  readonly internalDate: Date;
  /** RFC 7162; counted per folder. */
  modseq: number;
  /** The source; made when it is asked for, the same each time. */
  readonly raw: () => Buffer;
}

export interface Folder {
  /** Outlives a new name (RFC 8474 MAILBOXID). */
  readonly id: string;
  /** Decoded, with `/` between the levels. */
  name: string;
  readonly uidValidity: number;
  uidNext: number;
  /** Grows with every change of the folder, expunges included. */
  highestModseq: number;
  /** Ascending by UID. */
  messages: Message[];
  subscribed: boolean;
  /** RFC 6154, with its backslash; `\NoSelect` where only others lie below it. */
  readonly specialUse: string | undefined;
}

export type FlagMode = 'set' | 'add' | 'remove';

/** Makes the source of a generated message from its number and its date. */
export type Renderer = (sample: number, date: Date) => Buffer;

/** Everything that can happen to a mailbox, as it stands in a journal. */
export type Operation =
  | { op: 'create'; folder: string; specialUse?: string }
  | { op: 'delete'; folder: string }
  | { op: 'rename'; folder: string; to: string }
  | { op: 'renumber'; folder: string }
  | { op: 'subscribe'; folder: string; on: boolean }
  /** Either the source in base64 or the number of a generated message; the date in ms. */
  | {
      op: 'append';
      folder: string;
      raw?: string;
      sample?: number;
      flags: string[];
      date: number;
      /** The id of the message that its thread began with; without it a thread begins here. */
      thread?: string;
    }
  | { op: 'flags'; folder: string; uids: number[]; flags: string[]; mode: FlagMode }
  | { op: 'labels'; folder: string; uids: number[]; labels: string[]; mode: FlagMode }
  | { op: 'expunge'; folder: string; uids: number[] }
  | { op: 'copy'; folder: string; uids: number[]; to: string; move: boolean };

/** Does one thing, and returns the UIDs it made. */
export type Perform = (operation: Operation) => number[];
