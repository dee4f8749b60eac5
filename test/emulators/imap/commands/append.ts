import { BadCommand, Refusal } from '../errors.ts';
import { parseDateTime } from '../format.ts';
import type { Scanner } from '../scanner.ts';
import { accountOf, type Call, type Commands, type Session } from '../session.ts';
import { readName } from './folders.ts';

/** APPEND, with APPENDUID where UIDPLUS (RFC 4315) is offered. */
export const appendCommands: Commands = { APPEND: { state: 'authenticated', run: append } };

function append(session: Session, { args }: Call): string {
  const name = readName(session, args);
  args.space();
  let flags: string[] = [];
  if (args.peek() === '(') {
    flags = readFlagList(args);
    args.space();
  }
  let date: Date | undefined = new Date();
  if (args.peek() === '"') {
    date = parseDateTime(args.string());
    if (!date) throw new BadCommand('bad date-time');
    args.space();
  }
  const raw = args.literal();
  args.end();
  const account = accountOf(session);
  const folder = account.find(name);
  if (!folder) throw new Refusal('[TRYCREATE] there is no such mailbox');
  const uid = account.append(name, raw, { flags, date });
  if (!session.capabilities.has('UIDPLUS')) return 'appended';
  return `[APPENDUID ${folder.uidValidity} ${uid}] appended`;
}

const systemFlags = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft'];

/** One flag, in the usual spelling. @throws BadCommand for system flags that do not exist */
export function readFlag(args: Scanner): string {
  const flag = args.flag();
  if (!flag.startsWith('\\')) return flag;
  const known = systemFlags.find((each) => each.toLowerCase() === flag.toLowerCase());
  if (!known) throw new BadCommand('no such system flag');
  return known;
}

export function readFlagList(args: Scanner): string[] {
  return args.list(() => readFlag(args));
}
