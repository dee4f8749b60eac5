import { Refusal } from '../errors.ts';
import {
  accountOf,
  type Call,
  type Commands,
  need,
  selectedOf,
  type Session,
  viewOf,
} from '../session.ts';
import { readName } from './folders.ts';
import { formatStatus, readStatusItems } from './status.ts';
import { expungeDeleted } from './transfer.ts';

/** SELECT, EXAMINE, STATUS, CHECK, CLOSE and UNSELECT. */
export const selectCommands: Commands = {
  SELECT: { state: 'authenticated', run: select },
  EXAMINE: { state: 'authenticated', run: select },
  STATUS: {
    state: 'authenticated',
    run: (session, { args }) => {
      const folder = accountOf(session).folder(readName(session, args));
      args.space();
      const wanted = readStatusItems(session, args);
      args.end();
      session.send(formatStatus(session, folder, wanted));
      return 'done';
    },
  },
  CHECK: { state: 'selected', run: (_session, { args }) => (args.end(), 'done') },
  CLOSE: {
    state: 'selected',
    run: (session, { args }) => {
      args.end();
      const { readOnly } = selectedOf(session);
      if (!readOnly) expungeDeleted(session, () => true);
      session.selected = undefined;
      return 'closed';
    },
  },
  UNSELECT: {
    state: 'selected',
    needs: 'UNSELECT',
    run: (session, { args }) => {
      args.end();
      session.selected = undefined;
      return 'done';
    },
  },
};

const flags = '\\Answered \\Flagged \\Deleted \\Seen \\Draft';

function select(session: Session, { name, args }: Call): string {
  const wanted = readName(session, args);
  if (args.accept(' ')) {
    args.list(() => args.expect('CONDSTORE'));
    need(session, 'CONDSTORE');
    session.condstore = true;
  }
  args.end();
  // A SELECT that fails leaves nothing selected (RFC 3501 §6.3.1).
  session.selected = undefined;
  const folder = accountOf(session).folder(wanted);
  if (folder.specialUse === '\\NoSelect') throw new Refusal('[CANNOT] it holds no messages');
  const readOnly = name === 'EXAMINE';
  session.selected = viewOf(folder, readOnly);
  const unseen = folder.messages.findIndex((message) => !message.flags.has('\\Seen'));
  session.send(`* FLAGS (${flags})`);
  session.send(`* OK [PERMANENTFLAGS (${readOnly ? '' : `${flags} \\*`})] kept`);
  session.send(`* ${folder.messages.length} EXISTS`);
  session.send('* 0 RECENT');
  if (unseen >= 0) session.send(`* OK [UNSEEN ${unseen + 1}] first unseen`);
  session.send(`* OK [UIDVALIDITY ${folder.uidValidity}] valid`);
  session.send(`* OK [UIDNEXT ${folder.uidNext}] next`);
  if (session.capabilities.has('CONDSTORE')) {
    session.send(`* OK [HIGHESTMODSEQ ${folder.highestModseq}] highest`);
  }
  if (session.capabilities.has('OBJECTID')) session.send(`* OK [MAILBOXID (${folder.id})] id`);
  return readOnly ? '[READ-ONLY] examined' : '[READ-WRITE] selected';
}
