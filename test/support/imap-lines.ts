import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

/** IMAP by hand, for what the official client never says and never shows. */
export interface ImapLines {
  /** Sends a command and returns all lines up to its tagged answer, without the tag. */
  say(command: string): Promise<string[]>;
  /** Sends a line as it is, and waits for nothing. */
  write(line: string): void;
  /** The next line that is not part of an answer to `say`. */
  next(): Promise<string>;
  close(): void;
}

/** Opens a connection and reads the greeting. */
export async function openImapLines(port: number): Promise<ImapLines> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  let tags = 0;
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the server closed the connection');
    return value;
  };
  await next();
  return {
    next,
    write: (line) => void socket.write(`${line}\r\n`, 'latin1'),
    say: async (command) => {
      const tag = `t${(tags += 1)}`;
      socket.write(`${tag} ${command}\r\n`, 'latin1');
      const answer: string[] = [];
      for (;;) {
        const line = await next();
        if (line.startsWith(`${tag} `)) return [...answer, line.slice(tag.length + 1)];
        answer.push(line);
      }
    },
    close: () => socket.destroy(),
  };
}
