import { BadCommand } from '../errors.ts';
import { formatName } from '../names.ts';
import type { Folder } from '../operations.ts';
import type { Scanner } from '../scanner.ts';
import { need, type Session } from '../session.ts';

const items: Record<string, (folder: Folder) => number | string> = {
  MESSAGES: ({ messages }) => messages.length,
  RECENT: () => 0,
  UIDNEXT: ({ uidNext }) => uidNext,
  UIDVALIDITY: ({ uidValidity }) => uidValidity,
  UNSEEN: ({ messages }) => messages.filter(({ flags }) => !flags.has('\\Seen')).length,
  HIGHESTMODSEQ: ({ highestModseq }) => highestModseq,
  MAILBOXID: ({ id }) => `(${id})`,
};

/** The item list of STATUS, upper case. Asking for HIGHESTMODSEQ enables CONDSTORE. */
export function readStatusItems(session: Session, args: Scanner): string[] {
  const wanted = args.list(() => args.atom().toUpperCase());
  if (wanted.length === 0 || wanted.some((item) => !Object.hasOwn(items, item))) {
    throw new BadCommand('unknown STATUS item');
  }
  if (wanted.includes('MAILBOXID')) need(session, 'OBJECTID');
  if (wanted.includes('HIGHESTMODSEQ')) {
    need(session, 'CONDSTORE');
    session.condstore = true;
  }
  return wanted;
}

export function formatStatus(session: Session, folder: Folder, wanted: readonly string[]): string {
  const values = wanted.map((item) => `${item} ${items[item]!(folder)}`);
  return `* STATUS ${formatName(session, folder.name)} (${values.join(' ')})`;
}
