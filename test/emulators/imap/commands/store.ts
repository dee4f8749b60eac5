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
import { readFlag, readFlagList } from './append.ts';
import { readMessages } from './numbers.ts';

/** STORE and UID STORE, with UNCHANGEDSINCE (RFC 7162 §3.1.3). */
export const storeCommands: Commands = {
  STORE: { state: 'selected', run: store },
  'UID STORE': { state: 'selected', run: store },
};

const modes: Record<string, FlagMode> = { FLAGS: 'set', '+FLAGS': 'add', '-FLAGS': 'remove' };

function store(session: Session, call: Call): string {
  const { args, uid } = call;
  const chosen = readMessages(session, call);
  args.space();
  const unchangedSince = args.peek() === '(' ? readUnchangedSince(session, args) : undefined;
  const [, item = '', silent] = /^(.*?)(\.SILENT)?$/.exec(args.atom().toUpperCase()) ?? [];
  const mode = Object.hasOwn(modes, item) ? modes[item] : undefined;
  if (!mode) throw new BadCommand('FLAGS, +FLAGS or -FLAGS expected');
  args.space();
  const flags = readFlags(args);
  args.end();
  const selected = writableOf(session);
  const present = new Set(selected.folder.messages);
  const gone = chosen.some(({ message }) => !present.has(message));
  const stale = chosen.filter(({ message }) => message.modseq > (unchangedSince ?? Infinity));
  const wanted = chosen.filter((each) => present.has(each.message) && !stale.includes(each));
  const uids = wanted.map(({ message }) => message.uid);
  accountOf(session).setFlags(selected.folder.name, uids, flags, mode);
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

function readUnchangedSince(session: Session, args: Scanner): number {
  need(session, 'CONDSTORE');
  args.expect('(UNCHANGEDSINCE ');
  const modseq = args.number();
  args.expect(') ');
  session.condstore = true;
  return modseq;
}
