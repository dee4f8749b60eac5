import type { ImapFlow } from 'imapflow';
import { translatedWrite } from './refusals.ts';

/** A parsed line of the server, as far as response codes go (RFC 9051 §7.1). */
export interface ServerLine {
  attributes?: { section?: { value?: unknown }[] }[];
}

export interface Token {
  type: 'ATOM' | 'SEQUENCE' | 'STRING';
  value: string;
}

/** What imapflow's own commands are made of; its type declarations leave it out. */
interface CommandRunner {
  exec(
    command: string,
    attributes: (Token | Token[])[],
    options?: { untagged?: Record<string, (line: ServerLine) => Promise<void>> },
  ): Promise<{ response: ServerLine; next(): void }>;
}

export const atom = (value: string): Token => ({ type: 'ATOM', value });
/** Quoted, whatever it holds. */
export const string = (value: string): Token => ({ type: 'STRING', value });
export const sequence = (value: string): Token => ({ type: 'SEQUENCE', value });

/**
 * Runs one command and returns the lines that can carry a response code: untagged OKs, then the
 * tagged one. imapflow's own writing calls answer `false` whatever the server said; here the reason
 * counts. @throws ProviderFailure
 */
export async function runCommand(
  client: ImapFlow,
  command: string,
  attributes: (Token | Token[])[],
): Promise<ServerLine[]> {
  const lines: ServerLine[] = [];
  const untagged = { OK: async (line: ServerLine) => void lines.push(line) };
  const answer = await translatedWrite(
    (client as ImapFlow & CommandRunner).exec(command, attributes, { untagged }),
  );
  answer.next();
  return [...lines, answer.response];
}
