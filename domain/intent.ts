/**
 * A change asked for through the API that the provider has not confirmed yet. An intent is
 * `pending` until the provider shows its effect (`done`) or will not have it (`refused`).
 */
export const intentKinds = [
  'flags',
  'move',
  'delete',
  'create-folder',
  'rename-folder',
  'delete-folder',
] as const;
export type IntentKind = (typeof intentKinds)[number];

export const intentStates = ['pending', 'done', 'refused'] as const;
export type IntentState = (typeof intentStates)[number];

/** What becomes of flags and keywords: a difference, so that it leaves other clients' alone. */
export interface FlagsChange {
  /** Bits of `mailFlags`. */
  addFlags: number;
  removeFlags: number;
  addKeywords: string[];
  removeKeywords: string[];
}

/** The part of an intent that is content; sealed as `intents.change`. */
export interface IntentContent {
  addKeywords: string[];
  removeKeywords: string[];
  /** The folder's names from the root down, as they are to be. */
  path: string[];
}

/** An intent about a message, as far as merging and overlaying look at it. */
export interface MessageIntent extends FlagsChange {
  id: string;
  messageId: string;
  kind: Extract<IntentKind, 'flags' | 'move' | 'delete'>;
  /** Where a move leads. */
  folderId: string | null;
}

/** What a message's intents come to, taken together in the order in which they were asked for. */
export interface NetChange {
  flags: FlagsChange;
  /** Set by the last move. */
  folderId: string | undefined;
  deleted: boolean;
  /** Who asked for what is left to do, by kind; and whose wish a later one has overtaken. */
  intents: { flags: string[]; move: string[]; delete: string[]; overtaken: string[] };
}

export const noFlagsChange: FlagsChange = {
  addFlags: 0,
  removeFlags: 0,
  addKeywords: [],
  removeKeywords: [],
};

/** Two changes in a row as one: where they disagree the later one wins. */
export function mergeFlags(earlier: FlagsChange, later: FlagsChange): FlagsChange {
  const without = (names: string[], others: string[]) =>
    names.filter((name) => !others.includes(name));
  const union = (names: string[], others: string[]) => [...new Set([...names, ...others])];
  return {
    addFlags: (earlier.addFlags & ~later.removeFlags) | later.addFlags,
    removeFlags: (earlier.removeFlags & ~later.addFlags) | later.removeFlags,
    addKeywords: union(without(earlier.addKeywords, later.removeKeywords), later.addKeywords),
    removeKeywords: union(without(earlier.removeKeywords, later.addKeywords), later.removeKeywords),
  };
}

/** The flags as they will be. */
export function overlayFlags(flags: number, change: FlagsChange): number {
  return (flags & ~change.removeFlags) | change.addFlags;
}

/** The keywords as they will be, in their order, new ones last. */
export function overlayKeywords(keywords: string[], change: FlagsChange): string[] {
  const kept = keywords.filter((name) => !change.removeKeywords.includes(name));
  return [...new Set([...kept, ...change.addKeywords])];
}

/** The difference that brings one list of keywords to another. */
export function keywordsChange(before: string[], after: string[]): FlagsChange {
  return {
    ...noFlagsChange,
    addKeywords: [...new Set(after)].filter((name) => !before.includes(name)),
    removeKeywords: before.filter((name) => !after.includes(name)),
  };
}

/**
 * Folds intents, given in the order in which they were asked for, into one change a message: flags
 * add up, the last move counts, and a deletion makes everything else moot.
 */
export function foldIntents(intents: readonly MessageIntent[]): Map<string, NetChange> {
  const changes = new Map<string, NetChange>();
  for (const intent of intents) {
    const before = changes.get(intent.messageId) ?? {
      flags: noFlagsChange,
      folderId: undefined,
      deleted: false,
      intents: { flags: [], move: [], delete: [], overtaken: [] },
    };
    changes.set(intent.messageId, fold(before, intent));
  }
  return changes;
}

function fold(before: NetChange, intent: MessageIntent): NetChange {
  const { id, kind } = intent;
  const { flags, move, overtaken } = before.intents;
  if (before.deleted && kind !== 'delete') {
    return { ...before, intents: { ...before.intents, overtaken: [...overtaken, id] } };
  }
  if (kind === 'flags') {
    return {
      ...before,
      flags: mergeFlags(before.flags, intent),
      intents: { ...before.intents, flags: [...flags, id] },
    };
  }
  if (kind === 'move') {
    return {
      ...before,
      folderId: intent.folderId ?? undefined,
      intents: { ...before.intents, move: [id], overtaken: [...overtaken, ...move] },
    };
  }
  return {
    flags: noFlagsChange,
    folderId: undefined,
    deleted: true,
    intents: {
      flags: [],
      move: [],
      delete: [...before.intents.delete, id],
      overtaken: [...overtaken, ...flags, ...move],
    },
  };
}

/** An intent about a folder, as reads overlay it. */
export interface FolderIntent {
  folderId: string;
  kind: Extract<IntentKind, 'rename-folder' | 'delete-folder'>;
  /** The folder's path before the intent. */
  from: string[];
  /** And after a renaming. */
  path: string[];
}

/**
 * Folders' intents, given in the order in which they were asked for with the paths that the store
 * has, each with the path that the ones before it will have left.
 */
export function chainFolderIntents(intents: readonly FolderIntent[]): FolderIntent[] {
  const chained: FolderIntent[] = [];
  for (const intent of intents) {
    const from = overlayPath(intent.from, intent.folderId, chained);
    if (from) chained.push({ ...intent, from });
  }
  return chained;
}

/**
 * A folder's path as it will be: renamed itself, or lying inside one that is. Undefined when it is
 * to be deleted. `chained` comes from `chainFolderIntents`.
 */
export function overlayPath(
  path: string[],
  folderId: string,
  chained: readonly FolderIntent[],
): string[] | undefined {
  let now = path;
  for (const { kind, folderId: id, from, path: to } of chained) {
    if (kind === 'delete-folder') {
      if (id === folderId) return undefined;
    } else if (from.every((name, i) => now[i] === name)) {
      now = [...to, ...now.slice(from.length)];
    }
  }
  return now;
}
