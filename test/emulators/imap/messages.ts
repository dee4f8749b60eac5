import type { FlagMode, Folder, Message } from './operations.ts';

/** Puts a message at the end of a folder. @returns its UID */
export function addMessage(folder: Folder, message: Omit<Message, 'uid' | 'modseq'>): number {
  const uid = folder.uidNext++;
  folder.highestModseq += 1;
  folder.messages.push({ ...message, uid, modseq: folder.highestModseq });
  return uid;
}

export function removeMessages(folder: Folder, uids: ReadonlySet<number>): void {
  const kept = folder.messages.filter(({ uid }) => !uids.has(uid));
  if (kept.length === folder.messages.length) return;
  folder.messages = kept;
  folder.highestModseq += 1;
}

/** X-GM-LABELS; a change moves the mod-sequence as one of flags does. */
export function changeLabels(
  folder: Folder,
  uids: ReadonlySet<number>,
  { labels, mode }: { labels: readonly string[]; mode: FlagMode },
): void {
  for (const message of folder.messages) {
    if (!uids.has(message.uid)) continue;
    const after = changed(message.labels, labels, mode);
    if (after) message.modseq = folder.highestModseq += 1;
    message.labels = after ?? message.labels;
  }
}

/** Messages whose flags are so already keep their mod-sequence. */
export function changeFlags(
  folder: Folder,
  uids: ReadonlySet<number>,
  { flags, mode }: { flags: readonly string[]; mode: FlagMode },
): void {
  for (const message of folder.messages) {
    if (!uids.has(message.uid)) continue;
    const after = changed(message.flags, flags, mode);
    if (after) message.modseq = folder.highestModseq += 1;
    message.flags = after ?? message.flags;
  }
}

/** Undefined when everything is so already. */
function changed(
  before: ReadonlySet<string>,
  words: readonly string[],
  mode: FlagMode,
): Set<string> | undefined {
  const after = new Set(mode === 'set' ? words : before);
  if (mode === 'add') for (const word of words) after.add(word);
  if (mode === 'remove') for (const word of words) after.delete(word);
  const same = after.size === before.size && [...after].every((word) => before.has(word));
  return same ? undefined : after;
}
