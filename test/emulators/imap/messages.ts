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

/** Messages whose flags are so already keep their mod-sequence. */
export function changeFlags(
  folder: Folder,
  uids: ReadonlySet<number>,
  { flags, mode }: { flags: readonly string[]; mode: FlagMode },
): void {
  for (const message of folder.messages) {
    if (!uids.has(message.uid)) continue;
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
