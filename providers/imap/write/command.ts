import type { ImapClient } from '../client.ts';
import { formatUidSet, splitUids } from '../uid-set.ts';
import { translatedWrite } from './refusals.ts';

/** A parsed line of the server, as far as response codes go (RFC 9051 §7.1). */
export interface ServerLine {
  attributes?: { section?: { value?: unknown }[] }[];
}

export interface Token {
  type: 'ATOM' | 'SEQUENCE' | 'STRING';
  value: string;
}

export const atom = (value: string): Token => ({ type: 'ATOM', value });
/** Quoted, whatever it holds. */
export const string = (value: string): Token => ({ type: 'STRING', value });
const sequence = (value: string): Token => ({ type: 'SEQUENCE', value });

/**
 * Runs a command for some messages, as often as the bounds on one ask for it, and returns the lines
 * that can carry a response code: untagged OKs, then the tagged one. imapflow's own writing calls
 * answer `false` whatever the server said; here the reason counts. @throws ProviderFailure
 */
export async function runForUids(
  client: ImapClient,
  command: string,
  uids: readonly number[],
  attributes: (Token | Token[])[] = [],
): Promise<ServerLine[]> {
  const lines: ServerLine[] = [];
  const keep = (line: object): void => void lines.push(line);
  const untagged = { OK: async (line: object) => keep(line) };
  for (const part of splitUids(uids, client.messageLimit)) {
    const words = [sequence(formatUidSet(part)), ...attributes];
    const answer = await translatedWrite(client.exec(command, words, { untagged }));
    answer.next();
    keep(answer.response);
  }
  return lines;
}
