import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

/** A line to the honest server behind the hostile one. */
export interface Backend {
  /** The greeting, as Latin-1 text. */
  greeting(): Promise<string>;
  /** Passes a command on with its literals; resolves to the whole answer, tagged line included. */
  ask(tag: string, command: string, literals: readonly Buffer[]): Promise<string>;
  /** Passes IDLE on; what arrives meanwhile goes to `heard`. Resolves to how to end it. */
  idle(tag: string, heard: (text: string) => void): Promise<() => Promise<string>>;
  close(): void;
}

export async function openBackend(port: number): Promise<Backend> {
  const socket: Socket = connect(port, '127.0.0.1');
  let buffered = '';
  let heard: ((text: string) => void) | undefined;
  let wake = (): void => undefined;
  socket.on('data', (chunk) => {
    buffered += chunk.toString('latin1');
    wake();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => wake());
  await once(socket, 'connect');

  /** What is buffered, up to the end of what matches; all of it when the server is gone. */
  async function until(end: RegExp): Promise<string> {
    for (;;) {
      const found = end.exec(buffered);
      const length = found ? found.index + found[0].length : buffered.length;
      if (found || socket.destroyed) {
        const text = buffered.slice(0, length);
        buffered = buffered.slice(length);
        return text;
      }
      if (heard && buffered !== '') {
        heard(buffered);
        buffered = '';
      }
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  const tagged = (tag: string): RegExp => new RegExp(`(^|\\r\\n)${tag} [^\\r\\n]*\\r\\n`);

  return {
    greeting: () => until(/\r\n/),
    ask: async (tag, command, literals) => {
      const pieces = command.split('\u0000');
      socket.write(`${tag} `);
      for (const [i, piece] of pieces.entries()) {
        const literal = literals[i];
        socket.write(piece + (literal ? `{${literal.length}+}\r\n` : '\r\n'), 'latin1');
        if (literal) socket.write(literal);
      }
      return await until(tagged(tag));
    },
    idle: async (tag, listener) => {
      socket.write(`${tag} IDLE\r\n`);
      listener(await until(/\+ [^\r\n]*\r\n/));
      heard = listener;
      const answer = until(tagged(tag));
      return async () => {
        socket.write('DONE\r\n');
        const rest = await answer;
        heard = undefined;
        return rest;
      };
    },
    close: () => void socket.destroy(),
  };
}
