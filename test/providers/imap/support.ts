import { createServer, type Socket } from 'node:net';
import type { ImapFlow } from 'imapflow';
import type {
  ChangePage,
  Cursor,
  HistoryPage,
  KnownItems,
  MailAccount,
  MailSession,
  RemoteCollection,
} from '../../../domain/provider.ts';
import { createImapProvider, type ImapProvider } from '../../../providers/imap/provider.ts';
import type { Dovecot } from '../../support/dovecot.ts';

export const smallPages = { itemsMax: 7, bytesMax: 1024 * 1024 };

export function localProvider(limits: Parameters<typeof createImapProvider>[1] = {}): ImapProvider {
  return createImapProvider({ allowedNetworks: ['127.0.0.0/8'], allowCleartext: true }, limits);
}

export function accountAt(server: { port: number }, password = 'secret'): MailAccount {
  const imap = { host: '127.0.0.1', port: server.port, username: 'jane@example.com', password };
  return { key: `test/${server.port}`, imap: { ...imap, security: 'none' } };
}

export function dovecotAccount(dovecot: Dovecot): MailAccount {
  return accountAt(dovecot, dovecot.password);
}

export async function findCollection(session: MailSession, ref: string): Promise<RemoteCollection> {
  const found = (await session.collections()).find((collection) => collection.ref === ref);
  if (!found) throw new Error(`the listing has no ${ref}`);
  return found;
}

export async function readHistory(
  session: MailSession,
  ref: string,
  options: { cursor?: Cursor | null; since?: Date } = {},
): Promise<HistoryPage[]> {
  const collection = await findCollection(session, ref);
  const { cursor = null, since } = options;
  return await collect(session.history({ collection, cursor, since, bounds: smallPages }));
}

export async function readChanges(
  session: MailSession,
  ref: string,
  options: { cursor: Cursor | null; known?: KnownItems; depth?: 'quick' | 'full' },
): Promise<ChangePage[]> {
  const collection = await findCollection(session, ref);
  const { cursor, known = knownItems([]), depth = 'quick' } = options;
  return await collect(session.changes({ collection, cursor, known, depth, bounds: smallPages }));
}

async function collect<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(page);
  return all;
}

export function knownItems(
  items: { uid: number; flags: number; keywords?: string[] }[],
): KnownItems {
  const labelsOf = (keywords: readonly string[]): string => keywords.toSorted().join();
  const sorted = items
    .map(({ uid, flags, keywords = [] }) => ({ uid, flags, labels: labelsOf(keywords) }))
    .toSorted((a, b) => a.uid - b.uid);
  return {
    count: async () => sorted.length,
    flags: async (after, limit) => sorted.filter(({ uid }) => uid > after).slice(0, limit),
    labelsOf,
  };
}

export function uidsOf(pages: { messages: { uid: number }[] }[]): number[] {
  return pages.flatMap((page) => page.messages.map(({ uid }) => uid));
}

export function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('latin1');
}

export async function appendMany(
  client: ImapFlow,
  folder: string,
  count: number,
  date?: Date,
): Promise<void> {
  for (let i = 0; i < count; i += 1) await client.append(folder, plainMail(`No. ${i}`), [], date);
}

export function plainMail(subject: string, text = 'Some text.'): string {
  return [
    'From: Ann <ann@example.org>',
    'To: jane@example.com',
    `Subject: ${subject}`,
    'Content-Type: text/plain; charset=utf-8',
    '',
    text,
    '',
  ].join('\r\n');
}

export interface ScriptedServer extends AsyncDisposable {
  port: number;
  /** Every line a client sent, without its tag. */
  commands: string[];
  /** Connections so far. */
  connections(): number;
  /** Connections open now. */
  open(): number;
}

export type Answer = (tag: string, command: string) => string | undefined;

/**
 * A server that answers what a test wants: the script first, else what an honest server with a
 * folder INBOX of three messages would say. Returning undefined falls through to that.
 */
export async function scriptServer(
  script: Answer,
  greeting = '* OK IMAP4rev1 ready\r\n',
): Promise<ScriptedServer> {
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.write(greeting);
    let buffered = '';
    socket.on('data', (data) => {
      buffered += data.toString('latin1');
      const lines = buffered.split('\r\n');
      buffered = lines.pop() ?? '';
      for (const line of lines) {
        const [tag = '', ...words] = line.split(' ');
        const command = words.join(' ');
        commands.push(command);
        socket.write(script(tag, command) ?? honest(tag, command), 'latin1');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    commands,
    connections: () => connections,
    open: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function honest(tag: string, command: string): string {
  const ok = `${tag} OK done\r\n`;
  if (command === 'CAPABILITY') return `* CAPABILITY IMAP4rev1\r\n${ok}`;
  if (command.startsWith('LIST "" ""')) return `* LIST (\\Noselect) "/" ""\r\n${ok}`;
  if (command.startsWith('LIST')) return `* LIST () "/" INBOX\r\n${ok}`;
  if (command.startsWith('STATUS')) {
    return `* STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 7 UNSEEN 0)\r\n${ok}`;
  }
  if (command.startsWith('EXAMINE')) {
    return `* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 4] ok\r\n${ok}`;
  }
  if (command.startsWith('UID SEARCH')) return `* SEARCH ${asked(command).join(' ')}\r\n${ok}`;
  if (command.startsWith('UID FETCH')) {
    const item = command.includes('BODYSTRUCTURE') ? outlineRow : textRow;
    return asked(command).map(item).join('') + ok;
  }
  return ok;
}

/** Which of the UIDs 1 to 3 a command names. */
export function asked(command: string): number[] {
  const set = /(?:FETCH|UID) ([\d:,*]+)/.exec(command.replace(/^UID /, ''))?.[1] ?? '1:3';
  const parts = set.split(',').map((part) => part.split(':').map(Number));
  return [1, 2, 3].filter((uid) => parts.some(([from = 0, to = from]) => uid >= from && uid <= to));
}

export function outlineRow(uid: number): string {
  const header = `Subject: No. ${uid}\r\n\r\n`;
  const structure = '("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 4 1 NIL NIL NIL NIL)';
  return (
    `* ${uid} FETCH (UID ${uid} FLAGS () INTERNALDATE "01-Nov-2026 09:00:00 +0000" ` +
    `RFC822.SIZE 100 BODYSTRUCTURE ${structure} ` +
    `BODY[HEADER]<0> {${header.length}}\r\n${header})\r\n`
  );
}

export function textRow(uid: number): string {
  return `* ${uid} FETCH (UID ${uid} BODY[1]<0> {4}\r\ntext)\r\n`;
}
