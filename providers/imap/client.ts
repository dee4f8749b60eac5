import { ImapFlow } from 'imapflow';
import { decodePath } from 'imapflow/lib/tools.js';
import { settled } from '../../domain/settled.ts';
import { readFetchedRow, type FetchedRow, type Token } from './fetched-row.ts';
import { cutOff } from './message-limit.ts';
import { withoutOversized, type RawLine } from './oversized-structure.ts';
import { readUidRanges } from './uid-ranges.ts';

/** A line of the server as imapflow parses it, as far as it is read here. */
interface Line {
  attributes?: unknown[];
}

interface ExecOptions {
  untagged?: Record<string, (line: Line) => Promise<void>>;
}

/** What a command ended with; the next one waits until `next` is called. */
interface Answer {
  response: Line;
  next(): void;
}

/** The library's own ways to give a command, and to read a line; they stand in no declaration. */
const { exec: give, handleResponse: readLine } = ImapFlow.prototype as unknown as {
  exec(command: string, attributes: unknown, options: ExecOptions): Promise<Answer>;
  handleResponse(line: RawLine): Promise<boolean>;
};

const limitCode = 'MESSAGELIMIT';

/**
 * A thing that FETCH can be asked for: an item by its name, or the first bytes of a section, which
 * may be some fields of a header.
 */
export type FetchItem = string | { section: string; fields?: readonly string[]; bytesMax: number };

/**
 * imapflow, but with a VANISHED (RFC 7162 §3.2.10) of our own: its handler walks the set UID by UID,
 * up to sixteen million of them for each line that a server cares to send, and ends there without
 * a word. Here the set stays a list of ranges. An answer that the server's limit on messages
 * (RFC 9738) has cut off, which looks like any other, is an error. And a row whose structure is too
 * much for the parser is read without it, instead of ending the connection.
 */
export class ImapClient extends ImapFlow {
  /** Told of each set of UIDs that vanished before the mailbox was opened. */
  vanishedEarlier: ((set: string) => void) | undefined;

  /** Told of the lowest UID that an answer looked at before it was cut off, instead of an error. */
  onCutOff: ((lowestUid: number | undefined) => void) | undefined;

  /** How many messages one command may name (RFC 9738). */
  get messageLimit(): number {
    for (const name of this.capabilities.keys()) {
      const [, limit] = /^MESSAGELIMIT=([1-9]\d{0,9})$/.exec(name) ?? [];
      if (limit !== undefined) return Number(limit);
    }
    return Number.POSITIVE_INFINITY;
  }

  /**
   * Gives any command, also the library's.
   * @throws ProviderFailure when only some of its messages were looked at, and nobody expects that
   */
  exec(command: string, attributes: unknown, options: ExecOptions = {}): Promise<Answer> {
    const answer = this.#giveWhole(command, attributes, options);
    // The library's promises may be rejected before anybody waits for them.
    void settled(answer);
    return answer;
  }

  /** Reads a line, before which the library parses nothing of it. Returns whether to read on. */
  handleResponse(line: RawLine): Promise<boolean> {
    return readLine.call(this, withoutOversized(line));
  }

  async #giveWhole(command: string, attributes: unknown, options: ExecOptions): Promise<Answer> {
    let code: unknown[] | undefined;
    const { untagged = {} } = options;
    // Where the last line has another code, this one comes in a line before it.
    const NO = async (line: Line): Promise<void> => {
      code ??= codeOf(line, limitCode);
      await untagged['NO']?.(line);
    };
    const answer = await give.call(this, command, attributes, {
      ...options,
      untagged: { ...untagged, NO },
    });
    code ??= codeOf(answer.response, limitCode);
    if (!code) return answer;
    const lowestUid = Number(textOf(code[2]));
    if (this.onCutOff) this.onCutOff(Number.isInteger(lowestUid) ? lowestUid : undefined);
    else {
      answer.next();
      throw cutOff();
    }
    return answer;
  }

  /** Whether rows of the open mailbox tell their mod-sequences when they are asked (RFC 7162). */
  get showsModseq(): boolean {
    return this.enabled.has('CONDSTORE') && this.mailbox !== false && !this.mailbox.noModseq;
  }

  untaggedVanished({ attributes = [] }: Line): void {
    const earlier = attributes.length > 1 && Array.isArray(attributes[0]);
    const set = textOf(attributes.at(earlier ? 1 : 0));
    if (set === undefined) return;
    if (earlier) this.vanishedEarlier?.(set);
    else if (this.mailbox) {
      const { exists, uidNext } = this.mailbox;
      const { count } = readUidRanges([set], uidNext - 1);
      this.mailbox.exists = Math.max(0, exists - count);
    }
  }

  /**
   * UID FETCH of the open mailbox, each row given to `onRow` as it comes. The library's own form
   * writes every item's name out again, and hashes an id for each row: two fifths of what reading
   * a mailbox costs.
   * @throws what `onRow` threw first, when the server has answered
   */
  async fetchRows(
    uids: string,
    items: readonly FetchItem[],
    onRow: (row: FetchedRow) => void,
  ): Promise<void> {
    let fault: { error: unknown } | undefined;
    const readRow = async ({ attributes = [] }: Line): Promise<void> => {
      const [, list] = attributes;
      const row = Array.isArray(list) ? readFetchedRow(list as Token[]) : undefined;
      if (!row || fault) return;
      if (row.labels) row.labels = row.labels.map((label) => decodePath(this, label));
      try {
        onRow(row);
      } catch (error) {
        fault = { error };
      }
    };
    const sequence = { type: 'SEQUENCE', value: uids };
    const response = await this.exec('UID FETCH', [sequence, items.map(toToken)], {
      untagged: { FETCH: readRow },
    });
    response.next();
    if (fault) throw fault.error;
  }

  /** MAILBOXID of every mailbox (RFC 8474 §4), by its name as the server writes it. */
  async mailboxIds(): Promise<Map<string, string>> {
    const ids = new Map<string, string>();
    const items = [toToken('STATUS'), [toToken('MAILBOXID')]];
    const response = await this.exec('LIST', ['', '*', toToken('RETURN'), items], {
      untagged: {
        LIST: async () => {},
        STATUS: async ({ attributes = [] }) => {
          const [name, id] = [textOf(attributes[0]), mailboxIdIn(attributes[1])];
          if (name !== undefined && id !== undefined) ids.set(name, id);
        },
      },
    });
    response.next();
    return ids;
  }
}

/** Peeking, so that nothing is marked as read. */
function toToken(item: FetchItem): object {
  if (typeof item === 'string') return { type: 'ATOM', value: item };
  const fields = item.fields?.map((value) => ({ type: 'ATOM', value }));
  const section = [{ type: 'ATOM', value: item.section }, ...(fields ? [fields] : [])];
  return { type: 'ATOM', value: 'BODY.PEEK', section, partial: [0, item.bytesMax] };
}

/** `(MAILBOXID (F2212ea87-6097-4256-9d51-71338625))`, among other items. */
function mailboxIdIn(items: unknown): string | undefined {
  if (!Array.isArray(items)) return undefined;
  const at = items.findIndex((item) => textOf(item)?.toUpperCase() === 'MAILBOXID');
  const value: unknown = at < 0 ? undefined : items[at + 1];
  return textOf(Array.isArray(value) ? value[0] : value);
}

/** The words of a line's response code, when it is this one. */
function codeOf({ attributes = [] }: Line, name: string): unknown[] | undefined {
  const [first] = attributes;
  const section: unknown =
    typeof first === 'object' && first !== null && 'section' in first ? first.section : undefined;
  if (!Array.isArray(section)) return undefined;
  return textOf(section[0])?.toUpperCase() === name ? section : undefined;
}

function textOf(attribute: unknown): string | undefined {
  if (typeof attribute !== 'object' || attribute === null || !('value' in attribute)) {
    return undefined;
  }
  return typeof attribute.value === 'string' ? attribute.value : undefined;
}
