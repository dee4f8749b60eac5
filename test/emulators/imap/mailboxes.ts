import { createFolderTree, type FolderTree } from './folder-tree.ts';
import { addMessage, changeFlags, changeLabels, removeMessages } from './messages.ts';
import type { FlagMode, Folder, Operation, Perform, Renderer } from './operations.ts';

/** One user's mail: what the sessions of the server share, and what a test acts upon. */
export interface Mailboxes {
  folders(): Folder[];
  /** @throws Refusal when there is none */
  folder(name: string): Folder;
  find(name: string): Folder | undefined;
  /** Does one thing; everything else here is written in terms of it. Returns the UIDs it made. */
  apply(operation: Operation): number[];
  create(name: string, specialUse?: string): void;
  /** @returns the UID */
  append(folder: string, raw: Buffer | string, options?: AppendOptions): number;
  setFlags(folder: string, uids: readonly number[], flags: string[], mode?: FlagMode): void;
  expunge(folder: string, uids: readonly number[]): void;
  /** @returns the UIDs in the other folder */
  move(folder: string, uids: readonly number[], to: string): number[];
  /** Gives a folder another UIDVALIDITY and numbers its messages anew. */
  renumber(folder: string): void;
  /** Called after every operation that changed something. */
  onChange(listener: (operation: Operation) => void): () => void;
}

export interface AppendOptions {
  flags?: string[];
  date?: Date;
  /** The id of the message that its thread began with. */
  thread?: string;
}

/** What an operation means on a host with rules of its own. */
export type Rules = (operation: Operation, tree: FolderTree, perform: Perform) => number[];

/** Ids of messages count from here; Gmail's have 19 digits, more than a number holds exactly. */
const firstId = 1_700_000_000_000_000_000n;

/**
 * Keeps everything in memory. UIDs and mod-sequences follow from the order of the operations
 * alone, so that the same operations always make the same mailbox.
 */
export function createMailboxes(
  uidValidity: number,
  render?: Renderer,
  rules: Rules = (operation, _tree, act) => act(operation),
): Mailboxes {
  const tree = createFolderTree(uidValidity);
  let appended = 0n;
  const listeners = new Set<(operation: Operation) => void>();

  function apply(operation: Operation): number[] {
    const made = rules(operation, tree, perform);
    for (const listener of listeners) listener(operation);
    return made;
  }

  function nextId(): string {
    return String(firstId + appended++);
  }

  function perform(operation: Operation): number[] {
    switch (operation.op) {
      case 'append':
        return [addMessage(tree.get(operation.folder), messageOf(operation, nextId(), render))];
      case 'copy':
        return copy(tree.get(operation.folder), tree.get(operation.to), operation);
      case 'create':
        tree.create(operation.folder, operation.specialUse);
        break;
      case 'delete':
        tree.remove(operation.folder);
        break;
      case 'rename':
        tree.rename(operation.folder, operation.to);
        break;
      case 'renumber':
        tree.renumber(operation.folder);
        break;
      case 'subscribe':
        tree.get(operation.folder).subscribed = operation.on;
        break;
      case 'flags':
        changeFlags(tree.get(operation.folder), new Set(operation.uids), operation);
        break;
      case 'labels':
        changeLabels(tree.get(operation.folder), new Set(operation.uids), operation);
        break;
      case 'expunge':
        removeMessages(tree.get(operation.folder), new Set(operation.uids));
        break;
      default:
        throw new Error('an operation that this version does not know');
    }
    return [];
  }

  tree.create('INBOX');
  return {
    apply,
    folder: tree.get,
    folders: tree.all,
    find: tree.find,
    create: (name, specialUse) =>
      void apply({ op: 'create', folder: name, ...(specialUse && { specialUse }) }),
    append: (name, raw, { flags = [], date = new Date(), thread } = {}) => {
      const bytes = Buffer.from(raw as string).toString('base64');
      const rest = { raw: bytes, flags, date: date.getTime(), ...(thread && { thread }) };
      return apply({ op: 'append', folder: name, ...rest })[0]!;
    },
    setFlags: (name, uids, flags, mode = 'set') =>
      void apply({ op: 'flags', folder: name, uids: [...uids], flags, mode }),
    expunge: (name, uids) => void apply({ op: 'expunge', folder: name, uids: [...uids] }),
    move: (name, uids, to) => apply({ op: 'copy', folder: name, uids: [...uids], to, move: true }),
    renumber: (name) => void apply({ op: 'renumber', folder: name }),
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** A message with its source, which a generated one makes when it is asked for. */
function messageOf(
  { raw, sample = 0, flags, date, thread }: Operation & { op: 'append' },
  id: string,
  render: Renderer | undefined,
) {
  const internalDate = new Date(date);
  const own = { id, thread: thread ?? id, flags: new Set(flags), labels: new Set<string>() };
  const rest = { ...own, internalDate };
  if (raw !== undefined) {
    const bytes = Buffer.from(raw, 'base64');
    return { ...rest, raw: () => bytes };
  }
  if (!render) throw new Error('this mailbox has no generated messages');
  return { ...rest, raw: () => render(sample, internalDate) };
}

function copy(from: Folder, to: Folder, { uids, move }: Operation & { op: 'copy' }): number[] {
  const wanted = new Set(uids);
  const chosen = from.messages.filter(({ uid }) => wanted.has(uid));
  const made = chosen.map((message) =>
    addMessage(to, {
      ...message,
      flags: new Set(message.flags),
      labels: new Set(message.labels),
    }),
  );
  if (move) removeMessages(from, wanted);
  return made;
}
