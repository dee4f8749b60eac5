import { createServer, type Socket } from 'node:net';
import { createInput, type CommandInput, type Input } from '../imap/input.ts';
import type { Mailboxes } from '../imap/mailboxes.ts';
import { createImapEmulator, defaultCapabilities } from '../imap/server.ts';
import { openBackend, type Backend } from './backend.ts';
import { createWire, type Wire } from './wire.ts';

/** One command of the client, at the moment at which the script decides on the answer. */
export interface HostileCall {
  readonly tag: string;
  /** Without its tag; literals are marked by NUL. */
  readonly command: string;
  readonly wire: Wire;
  /** How many connections there were before this one. */
  readonly connection: number;
  /** Asks the honest server, and returns what it would have said. */
  honest(): Promise<string>;
}

/** What is sent: the text, the honest answer (undefined), or nothing more (null). */
export type HostileAnswer = string | undefined | null;

export interface HostileScript {
  /** In place of the greeting; returns whether the conversation goes on. */
  greet?: (wire: Wire) => Promise<boolean>;
  answer?: (call: HostileCall) => HostileAnswer | Promise<HostileAnswer>;
  /** What comes by itself while the client idles. */
  whileIdle?: (wire: Wire) => Promise<void>;
  capabilities?: readonly string[];
  /** What the account holds before anybody looks. */
  mailbox?: (mailboxes: Mailboxes) => void;
}

export interface HostileServer extends AsyncDisposable {
  port: number;
  mailboxes: Mailboxes;
  /** Every command of every connection, without its tag. */
  commands: string[];
  connections(): number;
  /** Connections open now. */
  open(): number;
  /** Bytes that all clients together have taken. */
  sent(): number;
}

export const hostileUser = { user: 'jane@example.com', password: 'secret' };

/** An honest server behind a proxy that plays a script: what the script leaves alone is honest. */
export async function createHostileServer(script: HostileScript): Promise<HostileServer> {
  const { user, password } = hostileUser;
  const honest = await createImapEmulator({
    users: { [user]: password },
    capabilities: script.capabilities ?? defaultCapabilities,
  });
  const mailboxes = honest.account(user);
  script.mailbox?.(mailboxes);
  const sockets = new Set<Socket>();
  const commands: string[] = [];
  const [wires, counts] = [new Set<Wire>(), { connections: 0, sent: 0 }];
  const server = createServer((socket) => {
    const wire = createWire(socket);
    sockets.add(socket);
    wires.add(wire);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      sockets.delete(socket);
      wires.delete(wire);
      counts.sent += wire.sent();
    });
    const connection = counts.connections;
    counts.connections += 1;
    void play(script, { socket, wire, commands, connection, port: honest.port });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    ...{ port: address.port, mailboxes, commands },
    connections: () => counts.connections,
    open: () => sockets.size,
    sent: () => [...wires].reduce((sum, wire) => sum + wire.sent(), counts.sent),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await honest.close();
    },
  };
}

interface Conversation {
  socket: Socket;
  wire: Wire;
  commands: string[];
  connection: number;
  port: number;
}

/** One connection from greeting to end. Never rejects: that the client leaves is its right. */
async function play(script: HostileScript, talk: Conversation): Promise<void> {
  const { socket, wire, port } = talk;
  const backend = await openBackend(port);
  socket.once('close', () => backend.close());
  const greeting = await backend.greeting();
  const invite = (): void => void wire.send('+ go ahead\r\n');
  const input = createInput(socket, { invite, nonSynchronizing: true });
  try {
    if (!script.greet) await wire.send(greeting);
    else if (!(await script.greet(wire))) return void socket.end();
    for (;;) {
      const next = await input.readCommand();
      if (!next || !(await reply(script, talk, { backend, input, next }))) break;
    }
  } catch {
    // The client cut the line in mid-answer, or sent what the honest scanner refuses.
  }
  backend.close();
  socket.end();
}

interface Turn {
  backend: Backend;
  input: Input;
  next: CommandInput;
}

/** Answers one command; false when the conversation is over. */
async function reply(
  script: HostileScript,
  { wire, commands, connection }: Conversation,
  { backend, input, next }: Turn,
): Promise<boolean> {
  const [tag = ''] = next.text.split(' ', 1);
  const command = next.text.slice(tag.length + 1);
  commands.push(command);
  if (command === 'IDLE') {
    const done = await backend.idle(tag, (text) => void wire.send(text));
    void script.whileIdle?.(wire);
    if ((await input.readLine()) === undefined) return false;
    await wire.send(await done());
    return true;
  }
  const honest = () => backend.ask(tag, command, next.literals);
  const said = await script.answer?.({ tag, command, wire, connection, honest });
  if (said === null) return false;
  await wire.send(said ?? (await honest()));
  return command !== 'LOGOUT';
}
