import { BadCommand } from '../errors.ts';
import { decodeName, formatName } from '../names.ts';
import type { Folder } from '../operations.ts';
import { accountOf, type Call, type Commands, need, type Session } from '../session.ts';
import { formatStatus, readStatusItems } from './status.ts';

/** LIST with its extensions (RFC 5258, 5819, 6154), LSUB and NAMESPACE. */
export const listCommands: Commands = {
  LIST: { state: 'authenticated', run: list },
  LSUB: { state: 'authenticated', run: lsub },
  NAMESPACE: {
    state: 'authenticated',
    needs: 'NAMESPACE',
    run: (session, { args }) => {
      args.end();
      session.send('* NAMESPACE (("" "/")) NIL NIL');
      return 'done';
    },
  },
};

interface Wanted {
  /** Selection options: only these folders. */
  only: Set<string>;
  /** Return options: what is told of each. */
  show: Set<string>;
  status: string[];
}

function list(session: Session, { args }: Call): string {
  const wanted: Wanted = { only: new Set(), show: new Set(), status: [] };
  args.space();
  if (args.peek() === '(') {
    need(session, 'LIST-EXTENDED');
    wanted.only = new Set(args.list(() => oneOf(args.atom(), selectionOptions)));
    args.space();
  }
  const reference = args.astring();
  args.space();
  const patterns = args.peek() === '(' ? args.list(args.pattern) : [args.pattern()];
  if (args.accept(' RETURN ')) readReturnOptions(session, args, wanted);
  args.end();
  if (patterns.length === 1 && patterns[0] === '') {
    session.send('* LIST (\\Noselect) "/" ""');
    return 'done';
  }
  const all = accountOf(session).folders();
  const matches = patterns.map((pattern) => globOf(decodeName(session, reference + pattern)));
  for (const folder of all) {
    if (!matches.some((glob) => glob.test(folder.name)) || !isChosen(folder, wanted)) continue;
    const attributes = attributesOf(folder, all, wanted);
    session.send(`* LIST (${attributes.join(' ')}) "/" ${formatName(session, folder.name)}`);
    if (wanted.status.length > 0 && folder.specialUse !== '\\NoSelect')
      session.send(formatStatus(session, folder, wanted.status));
  }
  return 'done';
}

const selectionOptions = ['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE'];
const returnOptions = ['SUBSCRIBED', 'CHILDREN', 'SPECIAL-USE', 'STATUS'];

function oneOf(word: string, known: readonly string[]): string {
  const upper = word.toUpperCase();
  if (!known.includes(upper)) throw new BadCommand('unknown LIST option');
  return upper;
}

function readReturnOptions(session: Session, args: Call['args'], wanted: Wanted): void {
  need(session, 'LIST-EXTENDED');
  args.list(() => {
    const option = oneOf(args.atom(), returnOptions);
    wanted.show.add(option);
    if (option !== 'STATUS') return;
    need(session, 'LIST-STATUS');
    args.space();
    wanted.status = readStatusItems(session, args);
  });
}

function isChosen(folder: Folder, { only }: Wanted): boolean {
  if (only.has('SUBSCRIBED') && !folder.subscribed) return false;
  return !only.has('SPECIAL-USE') || folder.specialUse !== undefined;
}

function attributesOf(folder: Folder, all: readonly Folder[], { only, show }: Wanted): string[] {
  const hasChildren = all.some(({ name }) => name.startsWith(`${folder.name}/`));
  const attributes = [hasChildren ? '\\HasChildren' : '\\HasNoChildren'];
  const tellsSubscription = only.has('SUBSCRIBED') || show.has('SUBSCRIBED');
  if (tellsSubscription && folder.subscribed) attributes.push('\\Subscribed');
  if (folder.specialUse !== undefined) attributes.push(folder.specialUse);
  return attributes;
}

function lsub(session: Session, { args }: Call): string {
  args.space();
  const reference = args.astring();
  args.space();
  const glob = globOf(decodeName(session, reference + args.pattern()));
  args.end();
  for (const { name, subscribed } of accountOf(session).folders()) {
    if (subscribed && glob.test(name)) session.send(`* LSUB () "/" ${formatName(session, name)}`);
  }
  return 'done';
}

/** `*` matches everything, `%` stops at the next level. */
function globOf(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  const source = escaped.replaceAll('*', '.*').replaceAll('%', '[^/]*');
  return new RegExp(`^${source}$`, /^inbox$/i.test(pattern) ? 'i' : '');
}
