import type { Socket } from 'node:net';
import { BadCommand } from './errors.ts';
import { literalMark } from './scanner.ts';

/** Lines beyond this are no honest client's; the longest are UID sets. */
const lineBytesMax = 256 * 1024;
/** Larger messages are refused, as most servers do. */
const literalBytesMax = 64 * 1024 * 1024;

export interface CommandInput {
  /** The whole command without line ends, each literal replaced by a mark. */
  text: string;
  literals: Buffer[];
}

export interface Input {
  /** The next line as Latin-1 text without its CRLF; undefined when the client is gone. */
  readLine(): Promise<string | undefined>;
  /** The next command with its literals; asks for those that wait (RFC 3501 §4.3). */
  readCommand(): Promise<CommandInput | undefined>;
}

export interface InputOptions {
  /** Sends the continuation that a synchronizing literal waits for. */
  invite: () => void;
  /** LITERAL+ (RFC 7888). */
  nonSynchronizing: boolean;
}

/** Pulls lines and literals out of a socket, in the order in which they were sent. */
export function createInput(socket: Socket, { invite, nonSynchronizing }: InputOptions): Input {
  const chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  let buffered: Buffer = Buffer.alloc(0);

  async function more(): Promise<boolean> {
    const next = await chunks.next();
    if (next.done) return false;
    buffered = Buffer.concat([buffered, next.value]);
    return true;
  }

  async function readLine(): Promise<string | undefined> {
    for (;;) {
      const end = buffered.indexOf('\r\n');
      if (end >= 0) {
        const line = buffered.toString('latin1', 0, end);
        buffered = buffered.subarray(end + 2);
        if (line.includes(literalMark)) throw new BadCommand('NUL in a command');
        return line;
      }
      if (buffered.length > lineBytesMax) throw new BadCommand('line too long');
      if (!(await more())) return undefined;
    }
  }

  async function readBytes(count: number): Promise<Buffer | undefined> {
    while (buffered.length < count) if (!(await more())) return undefined;
    const bytes = Buffer.from(buffered.subarray(0, count));
    buffered = buffered.subarray(count);
    return bytes;
  }

  async function readCommand(): Promise<CommandInput | undefined> {
    let text = '';
    const literals: Buffer[] = [];
    for (;;) {
      const line = await readLine();
      if (line === undefined) return undefined;
      text += line;
      const announced = /\{(\d+)(\+?)\}$/.exec(line);
      if (!announced) return { text, literals };
      const [whole, digits, plus] = announced;
      if (plus && !nonSynchronizing) throw new BadCommand('LITERAL+ is not offered');
      if (Number(digits) > literalBytesMax) throw new BadCommand('literal too long');
      if (!plus) invite();
      const bytes = await readBytes(Number(digits));
      if (!bytes) return undefined;
      literals.push(bytes);
      text = text.slice(0, -whole.length) + literalMark;
    }
  }

  return { readLine, readCommand };
}
