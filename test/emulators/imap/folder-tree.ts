import { Refusal } from './errors.ts';
import { addMessage, removeMessages } from './messages.ts';
import type { Folder } from './operations.ts';

/** The folders of an account by their names. */
export interface FolderTree {
  all(): Folder[];
  find(name: string): Folder | undefined;
  /** @throws Refusal when there is none */
  get(name: string): Folder;
  /** Makes the folders above it, too. */
  create(name: string, specialUse?: string): void;
  /** With the folders below it. */
  rename(from: string, to: string): void;
  remove(name: string): void;
  /** As after a restore from a backup: UIDs anew, and a UIDVALIDITY that says so. */
  renumber(name: string): void;
}

/** The inbox has its name in any case of letters (RFC 3501 §5.1). */
const canonical = (name: string) => (/^inbox$/i.test(name) ? 'INBOX' : name);

/** @param uidValidity of the first folder; each further one gets the next number */
export function createFolderTree(uidValidity: number): FolderTree {
  const folders = new Map<string, Folder>();
  let created = 0;

  function put(name: string, specialUse: string | undefined, subscribed = true): Folder {
    const folder: Folder = {
      ...{ name, specialUse, subscribed },
      id: `F${created + 1}`,
      uidValidity: uidValidity + created++,
      uidNext: 1,
      highestModseq: 1,
      messages: [],
    };
    folders.set(name, folder);
    return folder;
  }

  function get(name: string): Folder {
    const found = folders.get(canonical(name));
    if (!found) throw new Refusal('[NONEXISTENT] there is no such mailbox');
    return found;
  }

  function create(name: string, specialUse?: string): void {
    const wanted = canonical(name.replace(/\/$/, ''));
    if (wanted === '' || /(^|\/)(\/|$)/.test(wanted)) throw new Refusal('[CANNOT] bad name');
    if (folders.has(wanted)) throw new Refusal('[ALREADYEXISTS] the mailbox exists');
    const parent = wanted.slice(0, Math.max(wanted.lastIndexOf('/'), 0));
    if (parent !== '' && !folders.has(canonical(parent))) create(parent);
    put(wanted, specialUse);
  }

  function rename(from: string, to: string): void {
    const old = canonical(from);
    if (old === 'INBOX') throw new Refusal('[CANNOT] the inbox keeps its name');
    get(old);
    if (folders.has(canonical(to))) throw new Refusal('[ALREADYEXISTS] the mailbox exists');
    for (const each of [...folders.values()]) {
      if (each.name !== old && !each.name.startsWith(`${old}/`)) continue;
      folders.delete(each.name);
      each.name = to + each.name.slice(old.length);
      folders.set(each.name, each);
    }
  }

  function remove(name: string): void {
    if (canonical(name) === 'INBOX') throw new Refusal('[CANNOT] the inbox stays');
    const gone = get(name);
    if ([...folders.keys()].some((other) => other.startsWith(`${gone.name}/`))) {
      throw new Refusal('[HASCHILDREN] there are mailboxes below');
    }
    empty(gone);
    folders.delete(gone.name);
  }

  function renumber(name: string): void {
    const old = get(name);
    const made = put(old.name, old.specialUse, old.subscribed);
    for (const message of old.messages) addMessage(made, message);
    empty(old);
  }

  return {
    ...{ get, create, rename, remove, renumber },
    all: () => [...folders.values()],
    find: (name) => folders.get(canonical(name)),
  };
}

/** What sessions that still look at a folder see when it is gone: no messages. */
function empty(folder: Folder): void {
  removeMessages(folder, new Set(folder.messages.map(({ uid }) => uid)));
}
