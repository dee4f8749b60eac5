import type { Cursor, HistoryPage, HistoryRequest } from '../../domain/provider.ts';
import { enterFolder } from './enter-folder.ts';
import { countSince, listUids } from './listing.ts';
import { lastUid, type OpenFolder } from './open-folder.ts';
import { readMessages } from './page-stream.ts';
import type { Lease } from './session-pool.ts';

/** How far the history of a folder is read: every UID from `nextUid` on is done. */
interface HistoryCursor {
  uidValidity: string;
  nextUid: number;
  /** What the listing held when the reading began, where the server said so. */
  listed: number | null;
  /** Messages that turned out older than the depth asked for. */
  outside: number;
}

/** Pages of a folder's history, newest first by UID. */
export async function* readHistory(
  lease: Lease,
  request: HistoryRequest,
): AsyncGenerator<HistoryPage> {
  const { collection, since, bounds } = request;
  const folder = await enterFolder(lease, collection);
  let at = readCursor(request.cursor, folder) ?? (await startCursor(folder, since));
  const windows = listUids(
    folder,
    { lowest: 1, highest: at.nextUid - 1 },
    { direction: 'descending', since },
  );
  const isWanted = ({ receivedAt }: { receivedAt: Date }): boolean =>
    since === undefined || receivedAt >= since;
  for await (const batch of readMessages(folder, windows, bounds, isWanted)) {
    at = {
      ...at,
      nextUid: batch.last ? 1 : (batch.lastUid ?? at.nextUid),
      outside: at.outside + batch.outside,
    };
    yield {
      messages: batch.messages,
      failures: batch.failures,
      cursor: { ...at },
      more: !batch.last,
      listed: at.listed === null ? undefined : Math.max(0, at.listed - at.outside),
    };
  }
}

async function startCursor(folder: OpenFolder, since: Date | undefined): Promise<HistoryCursor> {
  const { uidValidity, uidNext, messages } = folder.state;
  const listed = since ? await countSince(folder.client, since) : messages;
  // UIDNEXT may lie, and a walk down from four billion takes for ever. It counts where the server
  // does not name its last message: a folder is never taken for empty on that alone.
  const last = await lastUid(folder);
  const nextUid = last > 0 ? last + 1 : uidNext;
  return { uidValidity, nextUid, listed: listed ?? null, outside: 0 };
}

/** A cursor of another numbering says nothing; the history begins again. */
function readCursor(cursor: Cursor | null, folder: OpenFolder): HistoryCursor | undefined {
  if (!cursor || cursor['uidValidity'] !== folder.state.uidValidity) return undefined;
  const { nextUid, listed, outside } = cursor;
  if (typeof nextUid !== 'number') return undefined;
  return {
    uidValidity: folder.state.uidValidity,
    nextUid,
    listed: typeof listed === 'number' ? listed : null,
    outside: typeof outside === 'number' ? outside : 0,
  };
}
