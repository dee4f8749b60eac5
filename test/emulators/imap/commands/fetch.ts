import { BadCommand } from '../errors.ts';
import { formatDateTime, formatFlags, formatLiteral } from '../format.ts';
import { parseMessage, type Part } from '../mime.ts';
import { formatName } from '../names.ts';
import type { Message } from '../operations.ts';
import type { Scanner } from '../scanner.ts';
import { parseSection, readSection } from '../section.ts';
import {
  accountOf,
  type Call,
  type Commands,
  need,
  selectedOf,
  type Session,
  tellChanges,
} from '../session.ts';
import { formatEnvelope, formatStructure } from '../structure.ts';
import { readMessages, withinLimit } from './numbers.ts';

/** FETCH and UID FETCH, with CHANGEDSINCE (RFC 7162 §3.1.4.1). */
export const fetchCommands: Commands = {
  FETCH: { state: 'selected', run: fetch },
  'UID FETCH': { state: 'selected', run: fetch },
};

/** A message whose parts are made out only when an item needs them. */
interface Fetched {
  message: Message;
  raw(): Buffer;
  part(): Part;
  /** A mailbox name in the form of the session. */
  name(name: string): string;
}

interface Item {
  name: string;
  /** Whether reading it marks the message as seen. */
  marksSeen?: boolean;
  value(fetched: Fetched): string;
}

const macros: Record<string, string[]> = {
  ALL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE'],
  FAST: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE'],
  FULL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY'],
};

const simpleItems: Record<string, Item['value']> = {
  UID: ({ message }) => String(message.uid),
  FLAGS: ({ message }) => formatFlags(message.flags),
  INTERNALDATE: ({ message }) => formatDateTime(message.internalDate),
  'RFC822.SIZE': ({ raw }) => String(raw().length),
  ENVELOPE: ({ part }) => formatEnvelope(part()),
  BODYSTRUCTURE: ({ part }) => formatStructure(part(), true),
  BODY: ({ part }) => formatStructure(part(), false),
  MODSEQ: ({ message }) => `(${message.modseq})`,
  EMAILID: ({ message }) => `(M${message.id})`,
  THREADID: ({ message }) => `(T${message.thread})`,
  'X-GM-MSGID': ({ message }) => message.id,
  'X-GM-THRID': ({ message }) => message.thread,
  'X-GM-LABELS': ({ message, name }) => `(${[...message.labels].map(name).join(' ')})`,
  RFC822: ({ raw }) => formatLiteral(raw().toString('latin1')),
  'RFC822.HEADER': ({ part }) => formatLiteral(part().text.slice(0, part().bodyStart)),
  'RFC822.TEXT': ({ part }) => formatLiteral(part().text.slice(part().bodyStart)),
};

/** Items that belong to an extension. */
const needed: Record<string, string> = {
  ...{ EMAILID: 'OBJECTID', THREADID: 'OBJECTID', MODSEQ: 'CONDSTORE' },
  ...{ 'X-GM-MSGID': 'X-GM-EXT-1', 'X-GM-THRID': 'X-GM-EXT-1', 'X-GM-LABELS': 'X-GM-EXT-1' },
};

async function fetch(session: Session, call: Call): Promise<string> {
  const { args } = call;
  const messages = withinLimit(session, readMessages(session, call));
  args.space();
  const items = readItems(args);
  const changedSince = args.accept(' ') ? readChangedSince(args) : undefined;
  args.end();
  if (call.uid && !items.some(({ name }) => name === 'UID')) items.unshift(simpleItem('UID'));
  for (const { name } of items) if (Object.hasOwn(needed, name)) need(session, needed[name]!);
  const asksModseq = items.some(({ name }) => name === 'MODSEQ');
  if (asksModseq || changedSince !== undefined) {
    need(session, 'CONDSTORE');
    session.condstore = true;
    if (!asksModseq) items.push(simpleItem('MODSEQ'));
  }
  const { folder, readOnly, view } = selectedOf(session);
  const names = items.map(({ name }) => name);
  // Flags that the client asked for need not be told once more.
  const tellsFlags = names.includes('FLAGS') && (!session.condstore || names.includes('MODSEQ'));
  const marksSeen = !readOnly && items.some((item) => item.marksSeen);
  for (const { n, message } of messages) {
    if (changedSince !== undefined && message.modseq <= changedSince) continue;
    if (marksSeen && !message.flags.has('\\Seen')) {
      accountOf(session).setFlags(folder.name, [message.uid], ['\\Seen'], 'add');
    }
    const fetched = lazily(session, message);
    const values = items.map(({ name, value }) => `${name} ${value(fetched)}`);
    session.send(`* ${n} FETCH (${values.join(' ')})`);
    if (tellsFlags) view[n - 1]!.modseq = message.modseq;
  }
  tellChanges(session, false);
  return 'done';
}

function lazily(session: Session, message: Message): Fetched {
  let raw: Buffer | undefined;
  let part: Part | undefined;
  const read = () => (raw ??= message.raw());
  return {
    ...{ message, raw: read, part: () => (part ??= parseMessage(read())) },
    name: (name) => formatName(session, name),
  };
}

function readItems(args: Scanner): Item[] {
  if (args.peek() === '(') return args.list(() => readItem(args));
  const macro = Object.keys(macros).find((name) => args.accept(name));
  if (macro !== undefined) return macros[macro]!.map(simpleItem);
  return [readItem(args)];
}

function readItem(args: Scanner): Item {
  const name = args.accept('BODY.PEEK[') ? 'BODY.PEEK[' : args.accept('BODY[') ? 'BODY[' : '';
  if (name !== '') return bodyItem(args, name === 'BODY[');
  return simpleItem(args.atom().toUpperCase());
}

function simpleItem(name: string): Item {
  const value = Object.hasOwn(simpleItems, name) ? simpleItems[name] : undefined;
  if (!value) throw new BadCommand('unknown FETCH item');
  return { name, value, marksSeen: name === 'RFC822' || name === 'RFC822.TEXT' };
}

/** BODY[section]<first.count>; the answer names the section and the first byte only. */
function bodyItem(args: Scanner, marksSeen: boolean): Item {
  const section = parseSection(args);
  let [first, count] = [0, Number.POSITIVE_INFINITY];
  const partial = args.accept('<');
  if (partial) {
    first = args.number();
    args.expect('.');
    count = args.number();
    args.expect('>');
    if (count === 0) throw new BadCommand('a partial fetch of nothing');
  }
  return {
    name: `BODY[${section.label}]${partial ? `<${first}>` : ''}`,
    marksSeen,
    value: ({ part }) => {
      const text = readSection(part(), section);
      return text === undefined ? 'NIL' : formatLiteral(text.slice(first, first + count));
    },
  };
}

function readChangedSince(args: Scanner): number {
  args.expect('(CHANGEDSINCE ');
  const modseq = args.number();
  args.expect(')');
  return modseq;
}
