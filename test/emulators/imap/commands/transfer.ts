import { Refusal } from '../errors.ts';
import { formatSet, matcher, parseSequenceSet } from '../sequence-set.ts';
import {
  accountOf,
  type Call,
  type Commands,
  selectedOf,
  type Session,
  tellChanges,
  writableOf,
} from '../session.ts';
import { readName } from './folders.ts';
import { readMessages, withinLimit } from './numbers.ts';

/** COPY, MOVE (RFC 6851) and EXPUNGE, with the UIDs of UIDPLUS (RFC 4315). */
export const transferCommands: Commands = {
  COPY: { state: 'selected', run: copy },
  'UID COPY': { state: 'selected', run: copy },
  MOVE: { state: 'selected', needs: 'MOVE', run: move },
  'UID MOVE': { state: 'selected', needs: 'MOVE', run: move },
  EXPUNGE: {
    state: 'selected',
    run: (session, { args }) => {
      args.end();
      writableOf(session);
      expungeDeleted(session, () => true);
      return 'expunged';
    },
  },
  'UID EXPUNGE': {
    state: 'selected',
    needs: 'UIDPLUS',
    run: (session, { args }) => {
      args.space();
      const set = parseSequenceSet(args.word());
      args.end();
      const { view } = writableOf(session);
      const marked = markedUids(session, matcher(set, view.at(-1)?.message.uid ?? 0));
      const kept = withinLimit(
        session,
        marked.map((uid) => ({ message: { uid } })),
      );
      expungeUids(
        session,
        kept.map(({ message }) => message.uid),
      );
      return 'expunged';
    },
  },
};

/** Removes the messages that are marked as deleted and whose UID passes. */
export function expungeDeleted(session: Session, passes: (uid: number) => boolean): void {
  expungeUids(session, markedUids(session, passes));
}

function markedUids(session: Session, passes: (uid: number) => boolean): number[] {
  const { messages } = selectedOf(session).folder;
  const marked = messages.filter(({ flags, uid }) => flags.has('\\Deleted') && passes(uid));
  return marked.map(({ uid }) => uid);
}

function expungeUids(session: Session, uids: number[]): void {
  if (uids.length > 0) accountOf(session).expunge(selectedOf(session).folder.name, uids);
}

function copy(session: Session, call: Call): string {
  const code = transfer(session, call, false);
  return code === undefined ? 'copied' : `[${code}] copied`;
}

/** The UIDs go ahead of the expunges, in an untagged OK (RFC 6851 §4.3). */
function move(session: Session, call: Call): string {
  writableOf(session);
  const code = transfer(session, call, true);
  if (code !== undefined) session.send(`* OK [${code}] moved`);
  tellChanges(session, true);
  return 'moved';
}

/** Returns the COPYUID code, if there is one to tell. */
function transfer(session: Session, call: Call, moves: boolean): string | undefined {
  const named = readMessages(session, call);
  // A COPY is done whole or not at all (RFC 9738 §3).
  if (!moves && named.length > session.messageLimit) {
    throw new Refusal(`[MESSAGELIMIT ${session.messageLimit}] too many messages`);
  }
  const chosen = withinLimit(session, named);
  const to = readName(session, call.args);
  call.args.end();
  const account = accountOf(session);
  const target = account.find(to);
  if (!target) throw new Refusal('[TRYCREATE] there is no such mailbox');
  const { folder } = selectedOf(session);
  const present = new Set(folder.messages);
  const uids = chosen.filter(({ message }) => present.has(message)).map((each) => each.message.uid);
  if (uids.length < chosen.length && !call.uid) {
    throw new Refusal('[EXPUNGEISSUED] some messages are gone');
  }
  if (uids.length === 0) return undefined;
  const made = account.apply({ op: 'copy', folder: folder.name, uids, to, move: moves });
  if (!session.capabilities.has('UIDPLUS')) return undefined;
  return `COPYUID ${target.uidValidity} ${formatSet(uids)} ${formatSet(made)}`;
}
