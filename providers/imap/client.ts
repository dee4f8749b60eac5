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
}

function textOf(attribute: unknown): string | undefined {
  if (typeof attribute !== 'object' || attribute === null || !('value' in attribute)) {
    return undefined;
  }
  return typeof attribute.value === 'string' ? attribute.value : undefined;
}
