import type { FolderTree } from './folder-tree.ts';
import { addMessage, changeLabels } from './messages.ts';
import type { Folder, Message, Operation, Perform } from './operations.ts';

export const gmailCapabilities = (
  'IMAP4rev1 SASL-IR ENABLE IDLE UIDPLUS ESEARCH MOVE CONDSTORE NAMESPACE UNSELECT ID ' +
  'LIST-EXTENDED LIST-STATUS SPECIAL-USE X-GM-EXT-1'
).split(' ');

const allMail = '[Gmail]/All Mail';
const spam = '[Gmail]/Spam';
const trash = '[Gmail]/Trash';
/** Each message lies in exactly one of them. */
const holders = [allMail, spam, trash];

/** The folders that are there from the beginning, with the label that each stands for. */
const systemLabels = new Map([
  ['INBOX', '\\Inbox'],
  ['[Gmail]/Sent Mail', '\\Sent'],
  ['[Gmail]/Drafts', '\\Draft'],
  ['[Gmail]/Starred', '\\Starred'],
  ['[Gmail]/Important', '\\Important'],
]);

/** Labels of the host's own, and those among them that nobody can give or take. */
export const hostLabels = [...systemLabels.values()];
export const givenLabels = ['\\Sent', '\\Draft'];

export const gmailFolders: [name: string, specialUse: string][] = [
  ['[Gmail]', '\\NoSelect'],
  [allMail, '\\All'],
  [spam, '\\Junk'],
  [trash, '\\Trash'],
  ['[Gmail]/Sent Mail', '\\Sent'],
  ['[Gmail]/Drafts', '\\Drafts'],
  ['[Gmail]/Starred', '\\Flagged'],
  ['[Gmail]/Important', '\\Important'],
];

/**
 * Gmail's rules: a message lies in All Mail, Spam or Trash; every other folder is a label, and
 * shows the messages of All Mail that carry it. What happens in such a folder happens to the
 * message itself (developers.google.com/workspace/gmail/imap/imap-extensions).
 */
export function gmailRules(operation: Operation, tree: FolderTree, perform: Perform): number[] {
  const made = carryOut(operation, tree, perform);
  const all = tree.find(allMail)?.messages ?? [];
  for (const folder of tree.all()) if (isLabel(folder)) mirror(folder, all, perform);
  if (made.length === 0) return [];
  const { messages } = tree.get('to' in operation ? operation.to : operation.folder);
  return made.map((id) => messages.find((message) => message.id === id)?.uid ?? 0);
}

/** Returns the ids of the messages that an append or a copy put somewhere. */
function carryOut(operation: Operation, tree: FolderTree, perform: Perform): string[] {
  const folder = 'uids' in operation ? tree.get(operation.folder) : undefined;
  const uids = new Set('uids' in operation ? operation.uids : []);
  const ids = folder?.messages.filter(({ uid }) => uids.has(uid)).map(({ id }) => id) ?? [];
  switch (operation.op) {
    case 'append': {
      const labels = holders.includes(operation.folder) ? [] : [labelOf(operation.folder)];
      const holder = labels.length > 0 ? allMail : operation.folder;
      perform({ ...operation, folder: holder });
      const made = tree.get(holder).messages.at(-1)!;
      for (const name of labels) made.labels.add(name);
      return [made.id];
    }
    case 'copy':
      transfer(ids, operation, tree, perform);
      return ids;
    case 'expunge':
      // As an account is set up: what is expunged from All Mail stays there, out of the inbox.
      if (folder!.name === allMail) archive(ids, tree, perform);
      else if (holders.includes(folder!.name)) perform(operation);
      else label(ids, { labels: [labelOf(folder!.name)], mode: 'remove' }, tree);
      return [];
    case 'labels':
      label(ids, operation, tree);
      star(ids, tree, perform, 'labels');
      return [];
    case 'flags':
      each(ids, tree, ({ name }, uid) => perform({ ...operation, folder: name, uids: [uid] }));
      star(ids, tree, perform, 'flags');
      return [];
    case 'rename':
      perform(operation);
      relabel(operation.folder, operation.to, tree);
      return [];
    default:
      perform(operation);
      return [];
  }
}

function transfer(
  ids: string[],
  { folder: from, to, move = true }: { folder: string; to: string; move?: boolean },
  tree: FolderTree,
  perform: Perform,
): void {
  const target = holders.includes(to) ? to : allMail;
  each(ids, tree, ({ name }, uid) => {
    if (name !== target) perform({ op: 'copy', folder: name, uids: [uid], to: target, move: true });
  });
  if (target !== allMail) label(ids, { labels: ['\\Inbox'], mode: 'remove' }, tree);
  if (move && !holders.includes(from)) {
    label(ids, { labels: [labelOf(from)], mode: 'remove' }, tree);
  }
  if (!holders.includes(to)) label(ids, { labels: [labelOf(to)], mode: 'add' }, tree);
}

function archive(ids: string[], tree: FolderTree, perform: Perform): void {
  label(ids, { labels: ['\\Inbox'], mode: 'remove' }, tree);
  each(ids, tree, ({ name }, uid) => {
    perform({ op: 'flags', folder: name, uids: [uid], flags: ['\\Deleted'], mode: 'remove' });
  });
}

/** The flag \Flagged and the label \Starred are one thing; `of` says which of them was changed. */
function star(ids: string[], tree: FolderTree, perform: Perform, of: 'flags' | 'labels'): void {
  each(ids, tree, (folder, uid) => {
    const { id, flags, labels } = folder.messages.find((message) => message.uid === uid)!;
    const starred = of === 'flags' ? flags.has('\\Flagged') : labels.has('\\Starred');
    const mode = starred ? 'add' : 'remove';
    label([id], { labels: ['\\Starred'], mode }, tree);
    perform({ op: 'flags', folder: folder.name, uids: [uid], flags: ['\\Flagged'], mode });
  });
}

type LabelChange = Pick<Operation & { op: 'labels' }, 'labels' | 'mode'>;

function label(ids: string[], change: LabelChange, tree: FolderTree): void {
  each(ids, tree, (folder, uid) => changeLabels(folder, new Set([uid]), change));
}

/** A label's new name, and that of those below it. */
function relabel(from: string, to: string, tree: FolderTree): void {
  for (const holder of holders.flatMap((name) => tree.find(name) ?? [])) {
    for (const { uid, labels } of holder.messages) {
      const renamed = [...labels].map((name) =>
        name === from || name.startsWith(`${from}/`) ? to + name.slice(from.length) : name,
      );
      changeLabels(holder, new Set([uid]), { labels: renamed, mode: 'set' });
    }
  }
}

/** Does something with each message where it really lies. */
function each(ids: string[], tree: FolderTree, act: (holder: Folder, uid: number) => void): void {
  for (const id of ids) {
    for (const holder of holders.flatMap((name) => tree.find(name) ?? [])) {
      const found = holder.messages.find((message) => message.id === id);
      if (found) {
        act(holder, found.uid);
        break;
      }
    }
  }
}

/** Makes a label's folder show what carries the label, with the same flags. */
function mirror(folder: Folder, all: readonly Message[], perform: Perform): void {
  const wanted = new Map<string, Message>();
  for (const message of all) {
    if (message.labels.has(labelOf(folder.name))) wanted.set(message.id, message);
  }
  const gone = folder.messages.filter(({ id }) => !wanted.has(id)).map(({ uid }) => uid);
  if (gone.length > 0) perform({ op: 'expunge', folder: folder.name, uids: gone });
  for (const { id, uid } of folder.messages) {
    const flags = [...wanted.get(id)!.flags];
    wanted.delete(id);
    perform({ op: 'flags', folder: folder.name, uids: [uid], flags, mode: 'set' });
  }
  for (const message of wanted.values()) {
    addMessage(folder, { ...message, flags: new Set(message.flags) });
  }
}

function isLabel({ name, specialUse }: Folder): boolean {
  return !holders.includes(name) && specialUse !== '\\NoSelect';
}

function labelOf(name: string): string {
  return systemLabels.get(name) ?? name;
}
