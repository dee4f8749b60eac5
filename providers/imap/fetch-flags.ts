import type { FlagChange } from '../../domain/provider.ts';
import { announcedBytes, flagRowBytes, modseqMax } from './bounds.ts';
import type { FetchItem, ImapClient } from './client.ts';
import type { ImapConnection } from './connect.ts';
import { translated } from './errors.ts';
import type { FetchedRow } from './fetched-row.ts';
import { fetchRows, type AskedUids } from './fetch-rows.ts';
import { readFlags, type ReadFlags } from './flags.ts';
import { isGmail } from './gmail.ts';
import { splitUids } from './uid-set.ts';

/** A row whose words, which may be ten thousand, are read at once and let go. */
interface FlagsRow {
  marks?: ReadFlags;
  labels?: string[];
  version?: bigint;
}

/**
 * Flags of messages as they are now, each message once whatever the server repeats, and on a Gmail
 * host with their labels. One that is gone, or of which the server does not say both, has none.
 */
export async function fetchFlags(
  folder: { readonly connection: ImapConnection },
  asked: AskedUids,
): Promise<FlagChange[]> {
  const { client } = folder.connection;
  const items = flagItems(client);
  const found: FlagChange[] = [];
  for (const part of 'lowest' in asked ? [asked] : splitUids(asked, client.messageLimit)) {
    const count = 'lowest' in part ? part.countMax : part.length;
    const bytesMax = count * flagRowBytes + announcedBytes;
    const rows = await translated(fetchRows(folder, part, { items, bytesMax, keep, merge }));
    for (const [uid, row] of rows) {
      const change = toChange(uid, row, isGmail(client));
      if (change) found.push(change);
    }
  }
  return found;
}

/** What FETCH is asked for to know a message's flags. */
export function flagItems(client: ImapClient): FetchItem[] {
  const items: FetchItem[] = ['FLAGS'];
  if (isGmail(client)) items.push('X-GM-LABELS');
  if (client.showsModseq) items.push('MODSEQ');
  return items;
}

function keep({ flags, labels, modseq }: FetchedRow): FlagsRow {
  return {
    ...(flags && { marks: readFlags(flags) }),
    ...(labels && { labels: readFlags(undefined, new Set(labels)).keywords }),
    ...(modseq !== undefined && { version: modseq > modseqMax ? modseqMax : modseq }),
  };
}

/** Flags and labels may come in two rows; of two that say the same thing the later one counts. */
function merge(before: FlagsRow, after: FlagsRow): FlagsRow {
  return { ...before, ...after };
}

function toChange(
  uid: number,
  { marks, labels, version = 0n }: FlagsRow,
  hasLabels: boolean,
): FlagChange | undefined {
  if (!marks || (hasLabels && !labels)) return undefined;
  const { keywords } = readFlags(new Set(marks.keywords), new Set(labels));
  return { uid, flags: marks.flags, keywords, version };
}
