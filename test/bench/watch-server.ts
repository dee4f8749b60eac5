import { parseArgs } from 'node:util';
import { createImapEmulator, type ImapEmulator } from '../emulators/imap/server.ts';

/**
 * The mail server of `npm run bench watch`, in a process of its own so that its memory and work are
 * not counted as Steward's. Speaks with the bench over Node's process channel.
 */
export type ServerOrder = { kind: 'append'; user: string } | { kind: 'restart'; downMs: number };

export type ServerNews =
  | { kind: 'listening'; port: number }
  | { kind: 'appended'; user: string; at: number }
  /** Somebody idles on an inbox; the first time since the server started. */
  | { kind: 'idle'; user: string; at: number }
  | { kind: 'restarted'; at: number };

const { values } = parseArgs({ options: { users: { type: 'string', default: '1000' } } });
const names = Array.from({ length: Number(values.users) }, (_, i) => `user${i}`);
const users = Object.fromEntries(names.map((name) => [name, 'secret']));
const folders = ['Sent', 'Drafts', 'Trash', 'Archive', 'Projects'];

const tell = (news: ServerNews): void => void process.send?.(news);

let server = await open(0);
const accounts = Object.fromEntries(names.map((name) => [name, server.account(name)]));
for (const mailbox of Object.values(accounts)) for (const name of folders) mailbox.create(name);
tell({ kind: 'listening', port: server.port });

process.on('message', (order: ServerOrder) => void obey(order));
process.once('disconnect', () => process.exit());

async function obey(order: ServerOrder): Promise<void> {
  if (order.kind === 'append') {
    accounts[order.user]!.append('INBOX', 'Subject: new\r\n\r\nhello\r\n');
    tell({ kind: 'appended', user: order.user, at: Date.now() });
    return;
  }
  const { port } = server;
  await server.close();
  await new Promise((resolve) => setTimeout(resolve, order.downMs));
  server = await open(port);
  tell({ kind: 'restarted', at: Date.now() });
}

async function open(port: number): Promise<ImapEmulator> {
  const idling = new Set<unknown>();
  const emulator = await createImapEmulator({
    ...{ port, users, keepCommands: false },
    ...(port !== 0 && { accounts }),
    onCommand: (command, { account }) => {
      if (command !== 'IDLE' || idling.has(account)) return 'continue';
      idling.add(account);
      const user = names.find((name) => accounts[name] === account);
      if (user !== undefined) tell({ kind: 'idle', user, at: Date.now() });
      return 'continue';
    },
  });
  return emulator;
}
