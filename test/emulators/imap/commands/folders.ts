import { decodeName } from '../names.ts';
import type { Scanner } from '../scanner.ts';
import { accountOf, type Commands, type Session } from '../session.ts';

/** A mailbox name after a space. */
export function readName(session: Session, args: Scanner): string {
  args.space();
  return decodeName(session, args.astring());
}

/** CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE. */
export const folderCommands: Commands = {
  CREATE: {
    state: 'authenticated',
    run: (session, { args }) => {
      const folder = readName(session, args);
      args.end();
      const account = accountOf(session);
      account.create(folder);
      if (!session.capabilities.has('OBJECTID')) return 'created';
      return `[MAILBOXID (${account.folder(folder).id})] created`;
    },
  },
  DELETE: {
    state: 'authenticated',
    run: (session, { args }) => {
      const folder = readName(session, args);
      args.end();
      accountOf(session).apply({ op: 'delete', folder });
      return 'deleted';
    },
  },
  RENAME: {
    state: 'authenticated',
    run: (session, { args }) => {
      const folder = readName(session, args);
      const to = readName(session, args);
      args.end();
      accountOf(session).apply({ op: 'rename', folder, to });
      return 'renamed';
    },
  },
  SUBSCRIBE: subscription(true),
  UNSUBSCRIBE: subscription(false),
};

function subscription(on: boolean): Commands[string] {
  return {
    state: 'authenticated',
    run: (session, { args }) => {
      const folder = readName(session, args);
      args.end();
      accountOf(session).apply({ op: 'subscribe', folder, on });
      return 'done';
    },
  };
}
