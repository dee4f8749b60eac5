import type { Cursor, RemoteCollection } from '../../domain/provider.ts';
import { flagHintOf } from './folders.ts';
import type { FolderState } from './open-folder.ts';

/** How far the changes of a folder are read. Taken from EXAMINE before anything is fetched. */
export interface LiveCursor {
  uidValidity: string;
  /** Every UID below is known or left to the history. */
  uidNext: number;
  /** Changes up to this mod-sequence are seen; null without CONDSTORE. 63 bits, so as text. */
  modseq: string | null;
  /** How many messages there were below `uidNext`. */
  messages: number;
  /** Without CONDSTORE: a counter (unseen) that hints at flag changes. */
  flagHint: string;
}

/** The present position; it is stored when everything before it has been handed out. */
export function presentCursor(state: FolderState, collection: RemoteCollection): LiveCursor {
  const { uidValidity, uidNext, messages, modseq } = state;
  return {
    uidValidity,
    uidNext,
    messages,
    // Zero is none (RFC 7162 §3.1.7).
    modseq: modseq ? modseq.toString() : null,
    flagHint: flagHintOf(collection.mark),
  };
}

/** Undefined for a cursor of another shape, which says as little as none. */
export function readLiveCursor(cursor: Cursor | null): LiveCursor | undefined {
  if (!cursor) return undefined;
  const { uidValidity, uidNext, modseq, messages, flagHint } = cursor;
  if (typeof uidValidity !== 'string' || typeof uidNext !== 'number') return undefined;
  return {
    uidValidity,
    uidNext,
    messages: typeof messages === 'number' ? messages : 0,
    modseq: typeof modseq === 'string' ? modseq : null,
    flagHint: typeof flagHint === 'string' ? flagHint : '',
  };
}
