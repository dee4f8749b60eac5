import { BadCommand, Refusal } from '../errors.ts';
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
import { decodeUtf7 } from '../utf7.ts';
import { readFlag, readFlagList } from './append.ts';
import { readMessages } from './numbers.ts';

/** STORE and UID STORE, with UNCHANGEDSINCE (RFC 7162 §3.1.3). */
export const storeCommands: Commands = {
  STORE: { state: 'selected', run: store },
  'UID STORE': { state: 'selected', run: store },
};

const modes: Record<string, FlagMode> = { '': 'set', '+': 'add', '-': 'remove' };

function store(session: Session, call: Call): string {
  const { args, uid } = call;
  const chosen = readMessages(session, call);
  args.space();
  const unchangedSince = args.peek() === '(' ? readUnchangedSince(session, args) : undefined;
  const [, sign = '', item, silent] =
    /^([+-]?)(FLAGS|X-GM-LABELS)(\.SILENT)?$/.exec(args.atom().toUpperCase()) ?? [];
  const mode = modes[sign]!;
  if (!item) throw new BadCommand('FLAGS, +FLAGS or -FLAGS expected');
  if (item === 'X-GM-LABELS') need(session, 'X-GM-EXT-1');
  args.space();
  const words = item === 'FLAGS' ? readFlags(args) : args.list(() => readLabel(args));
  args.end();
  const selected = writableOf(session);
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

/** A label is a mailbox name, or a word of the host's with a backslash. */
function readLabel(args: Scanner): string {
  return args.peek() === '\\' ? args.flag() : decodeUtf7(args.astring());
}

function readUnchangedSince(session: Session, args: Scanner): number {
  need(session, 'CONDSTORE');
  args.expect('(UNCHANGEDSINCE ');
  const modseq = args.number();
  args.expect(') ');
  session.condstore = true;
  return modseq;
}
