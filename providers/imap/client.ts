import { ImapFlow } from 'imapflow';
import { decodePath } from 'imapflow/lib/tools.js';
import { readFetchedRow, type FetchedRow, type Token } from './fetched-row.ts';
import { readUidRanges } from './uid-ranges.ts';

/** The part of imapflow's parsed response that VANISHED needs. */
interface Untagged {
  attributes?: unknown[];
}

/**
 * A thing that FETCH can be asked for: an item by its name, or the first bytes of a section, which
 * may be some fields of a header.
 */
export type FetchItem = string | { section: string; fields?: readonly string[]; bytesMax: number };

/**
 * imapflow, but with a VANISHED (RFC 7162 §3.2.10) of our own: its handler walks the set UID by UID,
 * up to sixteen million of them for each line that a server cares to send, and ends there without
 * a word. Here the set stays a list of ranges.
 */
export class ImapClient extends ImapFlow {
  /** The library's own way to give a command; it stands in no declaration. */
  declare private exec: (
    command: string,
    attributes: unknown[],
    options: { untagged: Record<string, (untagged: Untagged) => Promise<void>> },
  ) => Promise<{ next(): void }>;

  /** Told of each set of UIDs that vanished before the mailbox was opened. */
  vanishedEarlier: ((set: string) => void) | undefined;

  /** Whether rows of the open mailbox tell their mod-sequences when they are asked (RFC 7162). */
  get showsModseq(): boolean {
    return this.enabled.has('CONDSTORE') && this.mailbox !== false && !this.mailbox.noModseq;
  }

  untaggedVanished({ attributes = [] }: Untagged): void {
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
    const readRow = async ({ attributes = [] }: Untagged): Promise<void> => {
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

function textOf(attribute: unknown): string | undefined {
  if (typeof attribute !== 'object' || attribute === null || !('value' in attribute)) {
    return undefined;
  }
  return typeof attribute.value === 'string' ? attribute.value : undefined;
}
