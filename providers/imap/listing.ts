import type { SearchObject } from 'imapflow';
import { dayMs } from '../../domain/clock.ts';
import {
  announcedBytes,
  listingSpanMax,
  listingWindow,
  messagesMax,
  searchBytesMax,
  searchedUidBytes,
  uidMax,
} from './bounds.ts';
import { withinBudget } from './budget.ts';
import type { ImapClient } from './client.ts';
import type { ImapConnection } from './connect.ts';
import { refused, translated } from './errors.ts';
import { askThroughLimit } from './message-limit.ts';
import { formatUidSet, parseUidSet, splitUids } from './uid-set.ts';

export interface UidRange {
  lowest: number;
  highest: number;
}

/** The connection changes when it has to be opened again. */
interface Folder {
  readonly connection: ImapConnection;
}

/** What a listing looks at besides the range. */
export interface ListingOptions {
  direction: 'ascending' | 'descending';
  since?: Date | undefined;
}

/**
 * The UIDs of the selected folder inside a range, in windows whose answers stay bounded. A small
 * folder is one window. In a sparse folder the windows grow, in a dense one they shrink again.
 * Inside a window the order is the asked one too.
 */
export async function* listUids(
  folder: Folder,
  { lowest, highest }: UidRange,
  { direction, since }: ListingOptions,
): AsyncGenerator<number[]> {
  const { mailbox } = folder.connection.client;
  const messages = mailbox ? mailbox.exists : 0;
  const descending = direction === 'descending';
  let span = messages <= listingWindow ? Number.POSITIVE_INFINITY : listingWindow;
  let [from, to] = [lowest, highest];
  while (from <= to) {
    const window = descending
      ? { lowest: Math.max(from, to - span + 1), highest: to }
      : { lowest: from, highest: Math.min(to, from + span - 1) };
    const uids = await searchUids(folder.connection, window, since);
    if (uids.length > 0) yield descending ? uids.toReversed() : uids;
    if (descending) to = window.lowest - 1;
    else from = window.highest + 1;
    span = nextSpan(span, uids.length);
  }
}

/** How many messages were received since a date, where the server counts without listing them. */
export async function countSince(client: ImapClient, since: Date): Promise<number | undefined> {
  if (!client.capabilities.has('ESEARCH')) return undefined;
  const counts = await askThroughLimit(client, { lowest: 1, highest: uidMax }, async (part) => {
    const found = await translated(
      client.search(searchFor(part, since), { uid: true, returnOptions: ['COUNT'] }),
    );
    return typeof found === 'object' && 'count' in found ? found.count : undefined;
  });
  if (counts.includes(undefined)) return undefined;
  const count = counts.reduce<number>((sum, part) => sum + (part ?? 0), 0);
  return Math.min(count, messagesMax);
}

/** Which of these UIDs the folder still holds, whatever the session was told of it. */
export async function stillThere(folder: Folder, uids: readonly number[]): Promise<number[]> {
  if (uids.length === 0) return [];
  // Until then the server may go on listing what others have expunged (RFC 9051 §5.5).
  await translated(folder.connection.client.noop());
  return await listAmong(folder, uids);
}

/**
 * Which of these UIDs the folder holds, ascending.
 * @throws ProviderFailure when the server refuses
 */
export async function listAmong(
  { connection }: Folder,
  uids: readonly number[],
): Promise<number[]> {
  const { client } = connection;
  const present: number[] = [];
  for (const part of splitUids(uids, client.messageLimit)) {
    const bytesMax = part.length * searchedUidBytes + announcedBytes;
    const search = () => client.search({ uid: formatUidSet(part) }, { uid: true });
    const found = await translated(withinBudget(connection, { bytesMax }, search));
    if (!Array.isArray(found)) throw refused();
    const shown = new Set(found);
    present.push(...part.filter((uid) => shown.has(uid)));
  }
  return present;
}

/**
 * @returns ascending
 * @throws ProviderFailure when the server refuses, or leaves its answer out: that is no empty folder
 */
async function searchUids(
  connection: ImapConnection,
  range: UidRange,
  since: Date | undefined,
): Promise<number[]> {
  const parts = await translated(
    withinBudget(connection, { bytesMax: searchBytesMax }, () =>
      askThroughLimit(connection.client, range, (part) =>
        searchPart(connection.client, part, since),
      ),
    ),
  );
  return parts.toReversed().flat();
}

async function searchPart(
  client: ImapClient,
  range: UidRange,
  since: Date | undefined,
): Promise<number[]> {
  const { lowest, highest } = range;
  const query = searchFor(range, since);
  if (!client.capabilities.has('ESEARCH')) {
    const found = await client.search(query, { uid: true });
    if (!Array.isArray(found)) throw refused();
    // Dates can't be asked of FETCH: of a listing by days emptiness is taken at its word.
    if (found.length === 0 && !since) await refuseWhatIsShown(client, range);
    return found.filter((uid) => uid >= lowest && uid <= highest);
  }
  const returnOptions: ('COUNT' | 'ALL')[] = ['COUNT', 'ALL'];
  const found = await client.search(query, { uid: true, returnOptions });
  if (!found || Array.isArray(found)) throw refused();
  if (found.all !== undefined) return parseUidSet(found.all, lowest, highest, listingSpanMax);
  // Without a match COUNT still has a value (RFC 4731 §3.1).
  if (found.count !== 0) await refuseWhatIsShown(client, range);
  return [];
}

/**
 * An OK without the answer that belongs to it looks like an empty one, and some servers leave an
 * empty answer out. So emptiness that nobody has stated is believed when FETCH shows nothing either.
 */
async function refuseWhatIsShown(client: ImapClient, { lowest, highest }: UidRange): Promise<void> {
  if (!client.mailbox || client.mailbox.exists === 0) return;
  // Until then the server may go on showing what others have expunged (RFC 9051 §5.5).
  await translated(client.noop());
  const rows = client.fetch(`${lowest}:${highest}`, { uid: true }, { uid: true });
  try {
    for (;;) {
      const row = await translated(rows.next());
      if (row.done) return;
      const { uid } = row.value;
      if (uid >= lowest && uid <= highest) throw refused();
    }
  } finally {
    await rows.return(undefined);
  }
}

/** SINCE compares days in the server's zone (RFC 9051 §6.4.4), so one day more is asked for. */
function searchFor({ lowest, highest }: UidRange, since: Date | undefined): SearchObject {
  const uid = `${lowest}:${highest === uidMax ? '*' : highest}`;
  return { uid, ...(since && { since: new Date(since.getTime() - dayMs) }) };
}

function nextSpan(span: number, found: number): number {
  if (!Number.isFinite(span)) return span;
  if (found > listingWindow) return listingWindow;
  return found < listingWindow / 4 ? Math.min(span * 2, listingSpanMax) : span;
}
