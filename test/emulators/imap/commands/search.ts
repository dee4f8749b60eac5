import { BadCommand, Refusal } from '../errors.ts';
import type { Scanner } from '../scanner.ts';
import { formatSet } from '../sequence-set.ts';
import { type Call, type Commands, need, selectedOf, type Session } from '../session.ts';
import { withinLimit } from './numbers.ts';
import { readSearchKeys } from './search-keys.ts';

/** SEARCH and UID SEARCH, with RETURN where ESEARCH (RFC 4731) is offered. */
export const searchCommands: Commands = {
  SEARCH: { state: 'selected', run: search },
  'UID SEARCH': { state: 'selected', run: search },
};

const returnOptions = ['MIN', 'MAX', 'ALL', 'COUNT'];

function search(session: Session, { uid, args }: Call): string {
  const options = args.accept(' RETURN ') ? readReturnOptions(session, args) : undefined;
  if (args.accept(' CHARSET ')) {
    if (session.utf8) throw new BadCommand('CHARSET after UTF8=ACCEPT (RFC 6855 §3)');
    const charset = args.astring().toUpperCase();
    if (charset !== 'UTF-8' && charset !== 'US-ASCII') {
      throw new Refusal('[BADCHARSET (UTF-8 US-ASCII)] unknown charset');
    }
  }
  args.space();
  const { matches, searches, usesModseq } = readSearchKeys(session, args);
  const searched = selectedOf(session)
    .view.map(({ message }, i) => ({ n: i + 1, message }))
    .filter(searches);
  const found = withinLimit(session, searched).filter(matches);
  const numbers = found.map(({ n, message }) => (uid ? message.uid : n));
  const modseq = found.reduce((most, { message }) => Math.max(most, message.modseq), 0);
  if (!options) {
    const tail = usesModseq && numbers.length > 0 ? ` (MODSEQ ${modseq})` : '';
    session.send(`* SEARCH${numbers.map((n) => ` ${n}`).join('')}${tail}`);
    return 'done';
  }
  const results = [
    ...(uid ? ['UID'] : []),
    ...options.flatMap((option) => resultOf(option, numbers)),
    ...(usesModseq && numbers.length > 0 ? [`MODSEQ ${modseq}`] : []),
  ];
  session.send([`* ESEARCH (TAG "${session.tag}")`, ...results].join(' '));
  return 'done';
}

function readReturnOptions(session: Session, args: Scanner): string[] {
  need(session, 'ESEARCH');
  const options = args.list(() => args.atom().toUpperCase());
  if (options.some((option) => !returnOptions.includes(option))) {
    throw new BadCommand('unknown search return option');
  }
  return options.length === 0 ? ['ALL'] : options;
}

/** Without a match only COUNT has a value (RFC 4731 §3.1). */
function resultOf(option: string, numbers: readonly number[]): string[] {
  if (option === 'COUNT') return [`COUNT ${numbers.length}`];
  if (numbers.length === 0) return [];
  if (option === 'ALL') return [`ALL ${formatSet(numbers)}`];
  return [`${option} ${option === 'MIN' ? numbers[0] : numbers.at(-1)}`];
}
