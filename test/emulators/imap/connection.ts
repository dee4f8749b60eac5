import type { Socket } from 'node:net';
import { once } from 'node:events';
import { commands } from './commands/index.ts';
import { BadCommand, Refusal } from './errors.ts';
import { type CommandInput, createInput } from './input.ts';
import type { Mailboxes } from './mailboxes.ts';
import { createScanner, literalMark, type Scanner } from './scanner.ts';
import type { CommandVerdict } from './server.ts';
import { type Command, type Session, tellChanges } from './session.ts';

export interface ServeOptions {
  users: Readonly<Record<string, string>>;
  capabilities: ReadonlySet<string>;
  account(user: string): Mailboxes;
  judge(command: string, session: Session): CommandVerdict | Promise<CommandVerdict>;
  /** Told of each command that was answered with BAD. */
  fault(command: string, reply: string): void;
}

/** Commands with sequence numbers, during which no EXPUNGE may be sent (RFC 3501 §7.4.1). */
const numbered = new Set(['FETCH', 'STORE', 'SEARCH']);

/** Speaks IMAP on a socket until one side has enough. Never rejects. */
export async function serve(socket: Socket, options: ServeOptions): Promise<void> {
  const send = (line: string): void => {
    if (socket.writable) socket.write(`${line}\r\n`, 'latin1');
  };
  const input = createInput(socket, {
    invite: () => send('+ go ahead'),
    nonSynchronizing: options.capabilities.has('LITERAL+'),
  });
  // A client that breaks off is no fault of ours: the reading ends.
  socket.on('error', () => socket.destroy());
  socket.setNoDelay(true);
  const session: Session = {
    users: options.users,
    capabilities: options.capabilities,
    account: undefined,
    selected: undefined,
    condstore: false,
    utf8: false,
    over: false,
    tag: '',
    messageLimit: limitIn(options.capabilities),
    cutOffAt: undefined,
    accountOf: options.account,
    send,
    readLine: input.readLine,
  };
  send(`* OK [CAPABILITY ${[...options.capabilities].join(' ')}] ready`);
  try {
    while (!session.over) {
      const command = await input.readCommand();
      if (!command || !(await answer(session, command, options, socket))) break;
      if (socket.writableNeedDrain) await Promise.race([once(socket, 'drain'), closed(socket)]);
    }
  } catch (error) {
    if (error instanceof BadCommand) {
      options.fault('', `BYE ${error.message}`);
      send(`* BYE ${error.message}`);
    } else if (!socket.destroyed) {
      // A fault of ours must not look like one of the client.
      console.error(error);
      options.fault('', 'BYE [SERVERBUG] internal error');
      send('* BYE [SERVERBUG] internal error');
    }
  }
  socket.end();
}

/** `MESSAGELIMIT=20` among the capabilities. */
function limitIn(capabilities: ReadonlySet<string>): number {
  const found = [...capabilities].find((name) => name.startsWith('MESSAGELIMIT='));
  return found ? Number(found.slice('MESSAGELIMIT='.length)) : Number.POSITIVE_INFINITY;
}

async function closed(socket: Socket): Promise<void> {
  await new Promise((resolve) => socket.once('close', resolve));
}

/** Answers one command; false when the line is to be cut. */
async function answer(
  session: Session,
  { text, literals }: CommandInput,
  { judge, fault }: ServeOptions,
  socket: Socket,
): Promise<boolean> {
  const tag = /^[^\u0000-\u0020(){%*"\\+\u007f-\u00ff]+(?= )/.exec(text)?.[0];
  if (tag === undefined) {
    session.send('* BAD a command begins with a tag');
    fault(text, 'BAD no tag');
    return true;
  }
  session.tag = tag;
  const rest = text.slice(tag.length + 1);
  const shown = literals.reduce(
    (line, { length }) => line.replace(literalMark, `{${length}}`),
    rest,
  );
  const verdict = await judge(shown, session);
  if (verdict === 'disconnect') {
    socket.destroy();
    return false;
  }
  const honest = verdict === 'continue';
  const reply = honest ? await run(session, createScanner(rest, literals)) : verdict.reply;
  if (honest && reply.startsWith('BAD ')) fault(shown, reply);
  session.send(`${tag} ${reply}`);
  return true;
}

/** Does a command and returns what follows its tag. */
async function run(session: Session, args: Scanner): Promise<string> {
  let name = '';
  try {
    name = args.atom().toUpperCase();
    const uid = name === 'UID';
    if (uid) {
      args.space();
      name = args.atom().toUpperCase();
    }
    const command = commands[uid ? `UID ${name}` : name];
    if (!command) throw new BadCommand('unknown command');
    permit(session, command);
    session.cutOffAt = undefined;
    const done = await command.run(session, { name, uid, args });
    tellChanges(session, uid || !numbered.has(name));
    return `OK ${cutOffCode(session, done)}${done}`;
  } catch (error) {
    if (error instanceof Refusal) return `NO ${error.message}`;
    if (error instanceof BadCommand) return `BAD ${error.message}`;
    throw error;
  }
}

/** Says that a command was done for some messages only; untagged where the end has a code already. */
function cutOffCode({ messageLimit, cutOffAt, send }: Session, done: string): string {
  if (cutOffAt === undefined) return '';
  const code = `[MESSAGELIMIT ${messageLimit} ${cutOffAt}]`;
  if (!done.startsWith('[')) return `${code} `;
  send(`* NO ${code} for the last ${messageLimit} only`);
  return '';
}

function permit(session: Session, { state, needs }: Command): void {
  if (needs !== undefined && !session.capabilities.has(needs)) {
    throw new BadCommand('unknown command');
  }
  if (state === 'not-authenticated' && session.account) throw new BadCommand('already logged in');
  if ((state === 'authenticated' || state === 'selected') && !session.account) {
    throw new BadCommand('log in first');
  }
  if (state === 'selected' && !session.selected) throw new BadCommand('select a mailbox first');
}
