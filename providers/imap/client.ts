import { ImapFlow } from 'imapflow';
import { readUidRanges } from './uid-ranges.ts';

/** The part of imapflow's parsed response that VANISHED needs. */
interface Untagged {
  attributes?: unknown[];
}

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

  /** MAILBOXID of every mailbox (RFC 8474 §4), by its name as the server writes it. */
  async mailboxIds(): Promise<Map<string, string>> {
    const ids = new Map<string, string>();
    const atom = (value: string) => ({ type: 'ATOM', value });
    const items = [atom('STATUS'), [atom('MAILBOXID')]];
    const response = await this.exec('LIST', ['', '*', atom('RETURN'), items], {
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
