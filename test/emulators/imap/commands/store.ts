import { BadCommand, Refusal } from '../errors.ts';
import { givenLabels, hostLabels } from '../gmail.ts';
import type { Mailboxes } from '../mailboxes.ts';
import { decodeName } from '../names.ts';
import type { FlagMode } from '../operations.ts';
import type { Scanner } from '../scanner.ts';
import { formatSet } from '../sequence-set.ts';
import {
  accountOf,
  type Call,
  type Commands,
  flagItems,
  need,
  type Session,
  writableOf,
} from '../session.ts';
import { readFlag, readFlagList } from './append.ts';
import { readMessages, withinLimit } from './numbers.ts';

/** STORE and UID STORE, with UNCHANGEDSINCE (RFC 7162 §3.1.3). */
export const storeCommands: Commands = {
  STORE: { state: 'selected', run: store },
  'UID STORE': { state: 'selected', run: store },
};

const modes: Record<string, FlagMode> = { '': 'set', '+': 'add', '-': 'remove' };

function store(session: Session, call: Call): string {
  const { args, uid } = call;
  const chosen = withinLimit(session, readMessages(session, call));
  args.space();
  const unchangedSince = args.peek() === '(' ? readUnchangedSince(session, args) : undefined;
  const [, sign = '', item, silent] =
    /^([+-]?)(FLAGS|X-GM-LABELS)(\.SILENT)?$/.exec(args.atom().toUpperCase()) ?? [];
  const mode = modes[sign]!;
  if (!item) throw new BadCommand('FLAGS, +FLAGS or -FLAGS expected');
  if (item === 'X-GM-LABELS') need(session, 'X-GM-EXT-1');
  if (item === 'X-GM-LABELS' && silent) throw new BadCommand('labels are not stored silently');
  args.space();
  const words = item === 'FLAGS' ? readFlags(args) : args.list(() => readLabel(session, args));
  args.end();
  const selected = writableOf(session);
  if (item === 'X-GM-LABELS') requireStorable(accountOf(session), words);
  const present = new Set(selected.folder.messages);
  const gone = chosen.some(({ message }) => !present.has(message));
  const stale = chosen.filter(({ message }) => message.modseq > (unchangedSince ?? Infinity));
  const wanted = chosen.filter((each) => present.has(each.message) && !stale.includes(each));
  const uids = wanted.map(({ message }) => message.uid);
  const account = accountOf(session);
  const folder = selected.folder.name;
  if (item === 'FLAGS') account.setFlags(folder, uids, words, mode);
  else account.apply({ op: 'labels', folder, uids, labels: words, mode });
  for (const { n, message } of wanted) {
    selected.view[n - 1]!.modseq = message.modseq;
    if (!silent) session.send(`* ${n} FETCH (${flagItems(session, message)})`);
    else if (session.condstore) {
      session.send(`* ${n} FETCH (UID ${message.uid} MODSEQ (${message.modseq}))`);
    }
  }
  if (stale.length > 0) {
    const numbers = stale.map(({ n, message }) => (uid ? message.uid : n));
    return `[MODIFIED ${formatSet(numbers)}] some had changed`;
  }
  // RFC 2180 §4.2.1: the rest was done.
  if (gone && !uid) throw new Refusal('[EXPUNGEISSUED] some messages are gone');
  return 'stored';
}

function readFlags(args: Scanner): string[] {
  if (args.peek() === '(') return readFlagList(args);
  const flags = [readFlag(args)];
  while (args.accept(' ')) flags.push(readFlag(args));
  return flags;
}

/** A label is a mailbox name, or a word of the host's with a backslash, which is never quoted. */
function readLabel(session: Session, args: Scanner): string {
  if (args.peek() === '\\') {
    const word = args.flag();
    if (!hostLabels.includes(word)) throw new BadCommand('the host has no such label');
    return word;
  }
  const name = decodeName(session, args.astring());
  if (name.startsWith('\\')) throw new BadCommand('a label of the host’s own is not quoted');
  return name;
}

/** Labels that follow from what a message is cannot be stored, nor can those that nobody made. */
function requireStorable(account: Mailboxes, labels: string[]): void {
  for (const label of labels) {
    if (givenLabels.includes(label)) throw new Refusal('[CANNOT] the host gives this label');
    if (label.startsWith('\\') || account.find(label)) continue;
    throw new Refusal('[NONEXISTENT] there is no such label');
  }
}

function readUnchangedSince(session: Session, args: Scanner): number {
  need(session, 'CONDSTORE');
  args.expect('(UNCHANGEDSINCE ');
  const modseq = args.number();
  args.expect(') ');
  session.condstore = true;
  return modseq;
}
