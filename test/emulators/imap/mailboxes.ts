import { createFolderTree } from './folder-tree.ts';
import { addMessage, changeFlags, removeMessages } from './messages.ts';
import type { FlagMode, Folder, Operation, Renderer } from './operations.ts';

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
}

/**
 * Keeps everything in memory. UIDs and mod-sequences follow from the order of the operations
 * alone, so that the same operations always make the same mailbox.
 */
export function createMailboxes(uidValidity: number, render?: Renderer): Mailboxes {
  const tree = createFolderTree(uidValidity);
  const listeners = new Set<(operation: Operation) => void>();

  function apply(operation: Operation): number[] {
    const made = perform(operation);
    for (const listener of listeners) listener(operation);
    return made;
  }

  function perform(operation: Operation): number[] {
    switch (operation.op) {
      case 'append':
        return [addMessage(tree.get(operation.folder), messageOf(operation, render))];
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
    append: (name, raw, { flags = [], date = new Date() } = {}) => {
      const bytes = Buffer.from(raw as string).toString('base64');
      return apply({ op: 'append', folder: name, raw: bytes, flags, date: date.getTime() })[0]!;
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
  { raw, sample = 0, flags, date }: Operation & { op: 'append' },
  render: Renderer | undefined,
) {
  const internalDate = new Date(date);
  const rest = { flags: new Set(flags), internalDate };
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
    addMessage(to, { ...message, flags: new Set(message.flags) }),
  );
  if (move) removeMessages(from, wanted);
  return made;
}
