import { BadCommand } from '../errors.ts';
import { parseDay } from '../format.ts';
import { fieldOf, parseMessage } from '../mime.ts';
import type { Scanner } from '../scanner.ts';
import { need, type Session } from '../session.ts';
import { chooseMessages, type Numbered } from './numbers.ts';

type Test = (candidate: Numbered) => boolean;

/**
 * Reads search keys to the end of the command; all of them have to match. What is searched are the
 * messages that the outermost sets of numbers name (RFC 9738 §3).
 */
export function readSearchKeys(
  session: Session,
  args: Scanner,
): { matches: Test; searches: Test; usesModseq: boolean } {
  const reader: Reader = { session, args, usesModseq: false };
  const [tests, sets]: [Test[], Test[]] = [[], []];
  do {
    if (tests.length > 0) args.space();
    const isSet = /[\d*]/.test(args.peek()) || args.peek(4).toUpperCase() === 'UID ';
    const test = readKey(reader);
    tests.push(test);
    if (isSet) sets.push(test);
  } while (!args.atEnd());
  return { matches: all(tests), searches: all(sets), usesModseq: reader.usesModseq };
}

interface Reader {
  session: Session;
  args: Scanner;
  usesModseq: boolean;
}

const dayMs = 86_400_000;
const all = (tests: readonly Test[]) => (each: Numbered) => tests.every((test) => test(each));
const has =
  (flag: string): Test =>
  ({ message }) =>
    message.flags.has(flag);
const not =
  (test: Test): Test =>
  (each) =>
    !test(each);
const dayOf = (ms: number) => Math.floor(ms / dayMs) * dayMs;
const received: Time = ({ message }) => dayOf(message.internalDate.getTime());
const sent: Time = ({ message }) => dayOf(Date.parse(fieldIn(message.raw(), 'date')));

type Time = (each: Numbered) => number;

/** Keys without an argument. */
const simpleKeys: Record<string, Test> = {
  ALL: () => true,
  ANSWERED: has('\\Answered'),
  DELETED: has('\\Deleted'),
  DRAFT: has('\\Draft'),
  FLAGGED: has('\\Flagged'),
  SEEN: has('\\Seen'),
  UNANSWERED: not(has('\\Answered')),
  UNDELETED: not(has('\\Deleted')),
  UNDRAFT: not(has('\\Draft')),
  UNFLAGGED: not(has('\\Flagged')),
  UNSEEN: not(has('\\Seen')),
  // Nothing is recent here: every session is told of new mail by EXISTS alone.
  NEW: () => false,
  OLD: () => true,
  RECENT: () => false,
};

/** Keys with an argument, which they read. */
const fullKeys: Record<string, (reader: Reader) => Test> = {
  UID: ({ session, args }) => oneOf(chooseMessages(session, args.word(), true)),
  NOT: (reader) => not(readKey(reader)),
  OR: (reader) => {
    const first = readKey(reader);
    reader.args.space();
    const second = readKey(reader);
    return (each) => first(each) || second(each);
  },
  BEFORE: dateKey(received, (day, wanted) => day < wanted),
  ON: dateKey(received, (day, wanted) => day === wanted),
  SINCE: dateKey(received, (day, wanted) => day >= wanted),
  SENTBEFORE: dateKey(sent, (day, wanted) => day < wanted),
  SENTON: dateKey(sent, (day, wanted) => day === wanted),
  SENTSINCE: dateKey(sent, (day, wanted) => day >= wanted),
  LARGER: ({ args }) => sizeKey(args, (size, wanted) => size > wanted),
  SMALLER: ({ args }) => sizeKey(args, (size, wanted) => size < wanted),
  KEYWORD: ({ args }) => has(args.atom()),
  UNKEYWORD: ({ args }) => not(has(args.atom())),
  SUBJECT: fieldKey('subject'),
  FROM: fieldKey('from'),
  TO: fieldKey('to'),
  CC: fieldKey('cc'),
  BCC: fieldKey('bcc'),
  HEADER: (reader) => {
    const name = reader.args.astring().toLowerCase();
    reader.args.space();
    return fieldKey(name)(reader);
  },
  BODY: ({ args }) => {
    const wanted = args.astring().toLowerCase();
    return ({ message }) => {
      const { text, bodyStart } = parseMessage(message.raw());
      return text.slice(bodyStart).toLowerCase().includes(wanted);
    };
  },
  TEXT: ({ args }) => {
    const wanted = args.astring().toLowerCase();
    return ({ message }) => message.raw().toString('latin1').toLowerCase().includes(wanted);
  },
  MODSEQ: (reader) => {
    need(reader.session, 'CONDSTORE');
    reader.usesModseq = true;
    reader.session.condstore = true;
    const wanted = reader.args.number();
    return ({ message }) => message.modseq >= wanted;
  },
};

function readKey(reader: Reader): Test {
  const { args, session } = reader;
  if (args.peek() === '(') return all(args.list(() => readKey(reader)));
  if (/[\d*]/.test(args.peek())) return oneOf(chooseMessages(session, args.word(), false));
  const name = args.atom().toUpperCase();
  const simple = Object.hasOwn(simpleKeys, name) ? simpleKeys[name] : undefined;
  if (simple) return simple;
  const full = Object.hasOwn(fullKeys, name) ? fullKeys[name] : undefined;
  if (!full) throw new BadCommand('unknown search key');
  args.space();
  return full(reader);
}

function oneOf(chosen: readonly Numbered[]): Test {
  const uids = new Set(chosen.map(({ message }) => message.uid));
  return ({ message }) => uids.has(message.uid);
}

function dateKey(time: Time, compare: (day: number, wanted: number) => boolean) {
  return ({ args }: Reader): Test => {
    const wanted = parseDay(args.astring());
    if (wanted === undefined) throw new BadCommand('bad date');
    return (each) => compare(time(each), wanted);
  };
}

function sizeKey(args: Scanner, compare: (size: number, wanted: number) => boolean): Test {
  const wanted = args.number();
  return ({ message }) => compare(message.raw().length, wanted);
}

/** Looks into fields as they are written: encoded words are not decoded. */
function fieldKey(name: string) {
  return ({ args }: Reader): Test => {
    const wanted = args.astring().toLowerCase();
    return ({ message }) => {
      const value = fieldOf(parseMessage(message.raw()), name);
      return value !== undefined && value.toLowerCase().includes(wanted);
    };
  };
}

function fieldIn(raw: Buffer, name: string): string {
  return fieldOf(parseMessage(raw), name) ?? '';
}
