import { isDeepStrictEqual } from 'node:util';
import type { OracleFolder } from './imap-oracle.ts';

/** One thing that store and server disagree about. */
export interface Difference {
  folder: string;
  /** Undefined where it is the folder as a whole. */
  uid: number | undefined;
  what: string;
}

/** Folder by folder, UID by UID: UIDVALIDITY, flags, keywords and hashes of bodies. */
export function findDifferences(
  store: ReadonlyMap<string, OracleFolder>,
  server: ReadonlyMap<string, OracleFolder>,
): Difference[] {
  const names = new Set([...store.keys(), ...server.keys()]);
  return [...names].flatMap((folder) =>
    compareFolder(folder, store.get(folder), server.get(folder)),
  );
}

function compareFolder(
  folder: string,
  mine: OracleFolder | undefined,
  theirs: OracleFolder | undefined,
): Difference[] {
  if (!theirs) return [{ folder, uid: undefined, what: 'is in the store only' }];
  if (!mine) return [{ folder, uid: undefined, what: 'is missing in the store' }];
  const found: Difference[] = [];
  if (mine.uidValidity !== theirs.uidValidity) {
    const what = `has UIDVALIDITY ${mine.uidValidity} in the store, ${theirs.uidValidity} there`;
    found.push({ folder, uid: undefined, what });
  }
  for (const uid of new Set([...mine.messages.keys(), ...theirs.messages.keys()])) {
    const [stored, present] = [mine.messages.get(uid), theirs.messages.get(uid)];
    if (isDeepStrictEqual(stored, present)) continue;
    const what = `is ${JSON.stringify(stored)} in the store, ${JSON.stringify(present)} there`;
    found.push({ folder, uid, what });
  }
  return found;
}
