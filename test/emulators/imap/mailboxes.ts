import { Refusal } from './errors.ts';
import type { FlagMode, Folder, Message, Operation, Renderer } from './operations.ts';

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
  /** Called after every operation that changed something. */
  onChange(listener: (operation: Operation) => void): () => void;
}

export interface AppendOptions {
  flags?: string[];
  date?: Date;
}

/** Folders with the same messages have the same name in any case only if they are the inbox. */
const canonical = (name: string) => (/^inbox$/i.test(name) ? 'INBOX' : name);

/**
 * Keeps everything in memory. UIDs and mod-sequences follow from the order of the operations
 * alone, so that the same operations always make the same mailbox.
 */
export function createMailboxes(uidValidity: number, render?: Renderer): Mailboxes {
  const folders = new Map<string, Folder>();
  const listeners = new Set<(operation: Operation) => void>();
  let created = 0;

  function folder(name: string): Folder {
    const found = folders.get(canonical(name));
    if (!found) throw new Refusal('[NONEXISTENT] there is no such mailbox');
    return found;
  }

  function add(target: Folder, message: Omit<Message, 'uid' | 'modseq'>): number {
    const uid = target.uidNext++;
    target.highestModseq += 1;
    target.messages.push({ ...message, uid, modseq: target.highestModseq });
    return uid;
  }

  function remove(from: Folder, uids: ReadonlySet<number>): void {
    const kept = from.messages.filter(({ uid }) => !uids.has(uid));
    if (kept.length === from.messages.length) return;
    from.messages = kept;
    from.highestModseq += 1;
  }

  function create(name: string, specialUse?: string): void {
    const wanted = canonical(name.replace(/\/$/, ''));
    if (wanted === '' || /(^|\/)(\/|$)/.test(wanted)) throw new Refusal('[CANNOT] bad name');
    if (folders.has(wanted)) throw new Refusal('[ALREADYEXISTS] the mailbox exists');
    const parent = wanted.slice(0, Math.max(wanted.lastIndexOf('/'), 0));
    if (parent !== '' && !folders.has(canonical(parent))) create(parent);
    folders.set(wanted, {
      name: wanted,
      uidValidity: uidValidity + created++,
      uidNext: 1,
      highestModseq: 1,
      messages: [],
      subscribed: true,
      specialUse,
    });
  }

  function rename(from: string, to: string): void {
    if (from === 'INBOX') throw new Refusal('[CANNOT] the inbox keeps its name');
    folder(from);
    if (folders.has(canonical(to))) throw new Refusal('[ALREADYEXISTS] the mailbox exists');
    for (const each of [...folders.values()]) {
      if (each.name !== from && !each.name.startsWith(`${from}/`)) continue;
      folders.delete(each.name);
      each.name = to + each.name.slice(from.length);
      folders.set(each.name, each);
    }
  }

  function drop(name: string): void {
    if (canonical(name) === 'INBOX') throw new Refusal('[CANNOT] the inbox stays');
    const gone = folder(name);
    if ([...folders.keys()].some((other) => other.startsWith(`${gone.name}/`))) {
      throw new Refusal('[HASCHILDREN] there are mailboxes below');
    }
    remove(gone, new Set(gone.messages.map(({ uid }) => uid)));
    folders.delete(gone.name);
  }

  function sourceOf(raw: string | undefined, sample = 0, date = new Date(0)): () => Buffer {
    if (raw !== undefined) {
      const bytes = Buffer.from(raw, 'base64');
      return () => bytes;
    }
    if (!render) throw new Error('this mailbox has no generated messages');
    return () => render(sample, date);
  }

  function copy(operation: Operation & { op: 'copy' }): number[] {
    const [from, to] = [folder(operation.folder), folder(operation.to)];
    const wanted = new Set(operation.uids);
    const chosen = from.messages.filter(({ uid }) => wanted.has(uid));
    const made = chosen.map((message) => add(to, { ...message, flags: new Set(message.flags) }));
    if (operation.move) remove(from, wanted);
    return made;
  }

  function change(operation: Operation): number[] {
    switch (operation.op) {
      case 'create':
        create(operation.folder, operation.specialUse);
        return [];
      case 'delete':
        drop(operation.folder);
        return [];
      case 'rename':
        rename(canonical(operation.folder), operation.to);
        return [];
      case 'subscribe':
        folder(operation.folder).subscribed = operation.on;
        return [];
      case 'append': {
        const { raw, sample, flags, date } = operation;
        const internalDate = new Date(date);
        const source = sourceOf(raw, sample, internalDate);
        return [
          add(folder(operation.folder), { flags: new Set(flags), internalDate, raw: source }),
        ];
      }
      case 'flags':
        setFlags(folder(operation.folder), operation);
        return [];
      case 'expunge':
        remove(folder(operation.folder), new Set(operation.uids));
        return [];
      case 'copy':
        return copy(operation);
      default:
        throw new Error('an operation that this version does not know');
    }
  }

  function apply(operation: Operation): number[] {
    const made = change(operation);
    for (const listener of listeners) listener(operation);
    return made;
  }

  create('INBOX');
  return {
    ...{ folder, apply },
    folders: () => [...folders.values()],
    find: (name) => folders.get(canonical(name)),
    create: (name, specialUse) =>
      void apply({ op: 'create', folder: name, ...(specialUse && { specialUse }) }),
    append: (name, raw, { flags = [], date = new Date() } = {}) => {
      const bytes = Buffer.from(raw as string).toString('base64');
      return apply({ op: 'append', folder: name, raw: bytes, flags, date: date.getTime() })[0]!;
    },
    setFlags: (name, uids, flags, mode = 'set') =>
      void apply({ op: 'flags', folder: name, uids: [...uids], flags, mode }),
    expunge: (name, uids) => void apply({ op: 'expunge', folder: name, uids: [...uids] }),
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** The flags a message has after a change; system flags are the same in any case of letters. */
function setFlags(folder: Folder, { uids, flags, mode }: Operation & { op: 'flags' }): void {
  const wanted = new Set(uids);
  for (const message of folder.messages) {
    if (!wanted.has(message.uid)) continue;
    const before = message.flags;
    const after = new Set(mode === 'set' ? flags : before);
    if (mode === 'add') for (const flag of flags) after.add(flag);
    if (mode === 'remove') for (const flag of flags) after.delete(flag);
    if (after.size === before.size && [...after].every((flag) => before.has(flag))) continue;
    folder.highestModseq += 1;
    message.flags = after;
    message.modseq = folder.highestModseq;
  }
}
