import { createServer, type Socket } from 'node:net';
import { gmailFolders, gmailRules } from './gmail.ts';
import { createMailboxes, type Mailboxes } from './mailboxes.ts';
import { serve, type ServeOptions } from './connection.ts';
import type { Session } from './session.ts';

/** What a test makes of a command: let it through, cut the line, or answer in the server's place. */
export type CommandVerdict =
  | 'continue'
  | 'disconnect'
  /** `NO [UNAVAILABLE] later`: the tag is put before it. */
  | { reply: string };

export interface ImapEmulatorOptions {
  /** 0 takes a free one. */
  port?: number;
  /** Passwords by user name. */
  users: Record<string, string>;
  capabilities?: readonly string[];
  /** Called with each command, without its tag, before it is done; a promise delays it. */
  onCommand?: (command: string, session: Session) => CommandVerdict | Promise<CommandVerdict>;
  /** Whether commands and faults are kept (the default); a server that runs for days does not. */
  keepCommands?: boolean;
  /** Mailboxes that exist already; others are made with an inbox only. */
  accounts?: Record<string, Mailboxes>;
}

export interface ImapEmulator {
  port: number;
  account(user: string): Mailboxes;
  /** Every command received, without its tag. */
  commands: string[];
  /** The commands that broke the grammar or came at the wrong time, each with its answer. */
  faults: string[];
  /** Clients that are connected now. */
  readonly openSessions: number;
  close(): Promise<void>;
}

export const defaultCapabilities = (
  'IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE UIDPLUS ESEARCH MOVE CONDSTORE NAMESPACE UNSELECT ID ' +
  'LIST-EXTENDED LIST-STATUS SPECIAL-USE'
).split(' ');

/** An honest IMAP4rev1 server on loopback (RFC 3501 and the extensions it names). */
export async function createImapEmulator(options: ImapEmulatorOptions): Promise<ImapEmulator> {
  const { users, capabilities = defaultCapabilities, onCommand = () => 'continue' } = options;
  const accounts = new Map(Object.entries(options.accounts ?? {}));
  const sockets = new Set<Socket>();
  const commands: string[] = [];
  const faults: string[] = [];
  // The clock makes a mailbox that was made anew differ from the one before it.
  const uidValidity = Math.floor(Date.now() / 1000);

  function account(user: string): Mailboxes {
    if (!Object.hasOwn(users, user)) throw new Error('no such user');
    const found = accounts.get(user) ?? makeAccount();
    accounts.set(user, found);
    return found;
  }

  function makeAccount(): Mailboxes {
    if (!capabilities.includes('X-GM-EXT-1')) return createMailboxes(uidValidity);
    const mailboxes = createMailboxes(uidValidity, undefined, gmailRules);
    for (const [name, specialUse] of gmailFolders) mailboxes.create(name, specialUse);
    return mailboxes;
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const judge: ServeOptions['judge'] = (command, session) => {
      if (options.keepCommands ?? true) commands.push(command);
      return onCommand(command, session);
    };
    const fault: ServeOptions['fault'] = (command, reply) => {
      if (options.keepCommands ?? true) faults.push(`${command} → ${reply}`);
    };
    void serve(socket, { users, capabilities: new Set(capabilities), account, judge, fault });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    port: address.port,
    ...{ account, commands, faults },
    get openSessions() {
      return sockets.size;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
