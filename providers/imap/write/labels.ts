import { encodePath } from 'imapflow/lib/tools.js';
import { noFlagsChange, type FlagsChange } from '../../../domain/intent.ts';
import { announcedBytes, flagRowBytes } from '../bounds.ts';
import { translated } from '../errors.ts';
import { flagItems } from '../fetch-flags.ts';
import type { FetchedRow } from '../fetched-row.ts';
import { fetchRows } from '../fetch-rows.ts';
import { splitUids } from '../uid-set.ts';
import { atom, runForUids, string, type Token } from './command.ts';
import { labelNotKept, labelNotWritable, translatedWrite } from './refusals.ts';
import type { SelectedFolder } from './selected.ts';

/** Labels of the host's own that people set and take away; the others follow from what happens. */
const writableOfHost = new Set(['\\Inbox', '\\Important', '\\Starred']);

/** What becomes of a Gmail host's labels, each known to be needed. */
interface LabelsChange {
  add: string[];
  remove: string[];
}

/**
 * Tells labels from keywords: a word that begins with `$`, or that the folder names among its flags,
 * is a keyword, every other one a label. What is to go is looked for in the messages, so that only
 * that is taken away which is there, as what it is. What all of them have already is not added.
 *
 * @throws ProviderFailure for a label that only the host itself gives and takes
 */
export async function splitChange(
  folder: SelectedFolder,
  uids: readonly number[],
  change: FlagsChange,
): Promise<{ keywords: FlagsChange; labels: LabelsChange }> {
  const { addKeywords, removeKeywords } = change;
  const labels: LabelsChange = { add: [], remove: [] };
  const keywords = { ...noFlagsChange, addFlags: change.addFlags, removeFlags: change.removeFlags };
  if (addKeywords.length + removeKeywords.length === 0) return { keywords, labels };
  const shown = await readShown(folder, uids);
  const isAnywhere = (where: 'flags' | 'labels') => (name: string) =>
    shown.some((message) => message[where].has(name));
  labels.remove = removeKeywords.filter(isAnywhere('labels'));
  labels.add = addKeywords
    .filter((name) => !isKeyword(folder, name))
    .filter((name) => !shown.every((message) => message.labels.has(name)));
  if (![...labels.add, ...labels.remove].every(isWritable)) throw labelNotWritable();
  return {
    keywords: {
      ...keywords,
      addKeywords: addKeywords.filter((name) => isKeyword(folder, name)),
      removeKeywords: removeKeywords.filter(isAnywhere('flags')),
    },
    labels,
  };
}

/**
 * Stores labels (X-GM-LABELS), which the host makes first where they are new, and looks whether they
 * came to be. @throws ProviderFailure when no message shows a label that was added
 */
export async function storeLabels(
  folder: SelectedFolder,
  uids: readonly number[],
  { add, remove }: LabelsChange,
): Promise<void> {
  const { client } = folder;
  // One that is there already is as good as made.
  for (const name of add.filter((label) => !isOfHost(label))) {
    await translatedWrite(client.mailboxCreate(name));
  }
  await store(folder, uids, '+X-GM-LABELS', add);
  await store(folder, uids, '-X-GM-LABELS', remove);
  if (add.length === 0) return;
  const shown = await readShown(folder, uids);
  const names = new Set(shown.flatMap(({ labels }) => [...labels].map((name) => fold(name))));
  if (shown.length > 0 && !add.every((name) => names.has(fold(name)))) throw labelNotKept();
}

async function store(
  { client }: SelectedFolder,
  uids: readonly number[],
  item: string,
  names: string[],
): Promise<void> {
  if (names.length === 0) return;
  // The host's own are words with a backslash; the others are names of mailboxes.
  const toToken = (name: string): Token =>
    isOfHost(name) ? atom(name) : string(encodePath(client, name));
  const words = [atom(item), names.map(toToken)];
  await runForUids(client, 'UID STORE', uids, words);
}

interface Shown {
  flags: ReadonlySet<string>;
  labels: ReadonlySet<string>;
}

/** All that messages show, also beyond the bounds on what is kept of them. */
async function readShown(folder: SelectedFolder, uids: readonly number[]): Promise<Shown[]> {
  const items = flagItems(folder.client);
  const shown: Shown[] = [];
  for (const part of splitUids(uids, folder.client.messageLimit)) {
    const bytesMax = part.length * flagRowBytes + announcedBytes;
    const rows = await translated(fetchRows(folder, part, { items, bytesMax, keep, merge }));
    for (const { flags, labels } of rows.values())
      if (flags && labels) shown.push({ flags, labels });
  }
  return shown;
}

function keep({ flags, labels }: FetchedRow): Partial<Shown> {
  return { ...(flags && { flags }), ...(labels && { labels: new Set(labels) }) };
}

function merge(before: Partial<Shown>, after: Partial<Shown>): Partial<Shown> {
  return { ...before, ...after };
}

function isKeyword({ mailbox }: SelectedFolder, name: string): boolean {
  if (isOfHost(name)) return false;
  return name.startsWith('$') || mailbox.permanentFlags?.has(name) === true;
}

function isOfHost(name: string): boolean {
  return name.startsWith('\\');
}

function isWritable(name: string): boolean {
  return !isOfHost(name) || writableOfHost.has(name);
}

/** The host has no two labels that differ in case alone. */
function fold(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
