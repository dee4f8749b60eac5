import { BadCommand, Refusal } from './errors.ts';
import { formatFlags } from './format.ts';
import type { Mailboxes } from './mailboxes.ts';
import type { Folder, Message } from './operations.ts';
import type { Scanner } from './scanner.ts';

/** A message as this session knows it; its place in the view is its sequence number. */
interface Seen {
  readonly message: Message;
  /** The mod-sequence whose flags the client was told. */
  modseq: number;
}

/**
 * The mailbox that a session selected. The view is what the client was told: it changes only when
 * an EXISTS or EXPUNGE is sent, whatever happened to the folder meanwhile (RFC 3501 §7.4.1).
 */
export interface Selected {
  readonly folder: Folder;
  readonly readOnly: boolean;
  view: Seen[];
  /** The folder's mod-sequence up to which the client was told everything. */
  told: number;
}

export interface Session {
  readonly users: Readonly<Record<string, string>>;
  readonly capabilities: ReadonlySet<string>;
  account: Mailboxes | undefined;
  selected: Selected | undefined;
  /** Whether a CONDSTORE enabling command was given (RFC 7162 §3.1). */
  condstore: boolean;
  /** Whether names are raw UTF-8 (RFC 6855 §3). */
  utf8: boolean;
  over: boolean;
  /** The tag of the command that is being done. */
  tag: string;
  /** How many messages a command may name (RFC 9738). */
  readonly messageLimit: number;
  /** The lowest UID that the command under way has looked at, where it names more than that. */
  cutOffAt: number | undefined;
  accountOf(user: string): Mailboxes;
  /** Sends a response line, without CRLF, as Latin-1 text of its bytes. */
  send(line: string): void;
  readLine(): Promise<string | undefined>;
}

export interface Call {
  readonly name: string;
  /** Whether the command was prefixed with UID. */
  readonly uid: boolean;
  readonly args: Scanner;
}

/** Does a command and returns the text of its tagged OK. */
export type Handler = (session: Session, call: Call) => string | Promise<string>;

export interface Command {
  state: 'any' | 'not-authenticated' | 'authenticated' | 'selected';
  /** The capability without which the command is unknown. */
  needs?: string;
  run: Handler;
}

export type Commands = Readonly<Record<string, Command>>;

export function accountOf({ account }: Session): Mailboxes {
  if (!account) throw new BadCommand('log in first');
  return account;
}

export function selectedOf({ selected }: Session): Selected {
  if (!selected) throw new BadCommand('select a mailbox first');
  return selected;
}

export function writableOf(session: Session): Selected {
  const selected = selectedOf(session);
  if (selected.readOnly) throw new Refusal('[READ-ONLY] the mailbox was opened with EXAMINE');
  return selected;
}

/** @throws BadCommand when the capability is not offered */
export function need({ capabilities }: Session, capability: string): void {
  if (!capabilities.has(capability)) throw new BadCommand(`${capability} is not offered`);
}

/** Opens a view on a folder as it is now. */
export function viewOf(folder: Folder, readOnly: boolean): Selected {
  const view = folder.messages.map((message) => ({ message, modseq: message.modseq }));
  return { folder, readOnly, view, told: folder.highestModseq };
}

/**
 * Tells the client what happened since it was last told. Expunges shift the sequence numbers, so
 * they wait while a command that uses those is under way (RFC 3501 §7.4.1).
 */
export function tellChanges(session: Session, withExpunges: boolean): void {
  const { selected } = session;
  if (!selected || selected.told === selected.folder.highestModseq) return;
  const present = new Set(selected.folder.messages);
  const gone = selected.view.some(({ message }) => !present.has(message));
  if (withExpunges && gone) {
    for (let i = selected.view.length - 1; i >= 0; i -= 1) {
      if (present.has(selected.view[i]!.message)) continue;
      selected.view.splice(i, 1);
      session.send(`* ${i + 1} EXPUNGE`);
    }
  }
  const last = selected.view.at(-1)?.message.uid ?? 0;
  const fresh = selected.folder.messages.filter(({ uid }) => uid > last);
  const known = selected.view.length;
  for (const message of fresh) selected.view.push({ message, modseq: message.modseq });
  if (fresh.length > 0) session.send(`* ${selected.view.length} EXISTS`);
  for (const [i, seen] of selected.view.slice(0, known).entries()) {
    if (seen.modseq === seen.message.modseq || !present.has(seen.message)) continue;
    seen.modseq = seen.message.modseq;
    session.send(`* ${i + 1} FETCH (${flagItems(session, seen.message)})`);
  }
  if (withExpunges || !gone) selected.told = selected.folder.highestModseq;
}

/** UID, FLAGS and, for a client that knows them, MODSEQ. */
export function flagItems(session: Session, message: Message): string {
  const modseq = session.condstore ? ` MODSEQ (${message.modseq})` : '';
  return `UID ${message.uid} FLAGS ${formatFlags(message.flags)}${modseq}`;
}
