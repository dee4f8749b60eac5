import type { MailboxObject } from 'imapflow';
import type { FlagsRequest } from '../../../domain/mail-writer.ts';
import type { FlagsChange } from '../../../domain/intent.ts';
import type { FlagChange } from '../../../domain/provider.ts';
import { fetchFlags } from '../fetch-flags.ts';
import { flagNames } from '../flags.ts';
import { isGmail } from '../gmail.ts';
import { listAmong } from '../listing.ts';
import type { Lease } from '../session-pool.ts';
import { atom, runForUids } from './command.ts';
import { splitChange, storeLabels } from './labels.ts';
import { flagNotKept } from './refusals.ts';
import { withSelected, type SelectedFolder } from './selected.ts';

/**
 * Adds and removes flags and keywords of a set of messages, one STORE each (RFC 9051 §6.4.6), and
 * reads them back. Storing what is there already changes nothing. On a Gmail host most words are
 * labels, which have a STORE of their own.
 */
export async function changeFlags(
  lease: Lease,
  { collection, uids, change }: FlagsRequest,
): Promise<FlagChange[]> {
  return await withSelected(lease, collection, async (folder) => {
    const present = await listAmong(folder, uids);
    if (present.length === 0) return [];
    if (!isGmail(folder.client)) {
      await changeKeywords(folder, present, change);
      return await fetchFlags(folder, present);
    }
    const { keywords, labels } = await splitChange(folder, present, change);
    await changeKeywords(folder, present, keywords);
    await storeLabels(folder, present, labels);
    return await fetchFlags(folder, present);
  });
}

async function changeKeywords(
  folder: SelectedFolder,
  uids: readonly number[],
  change: FlagsChange,
): Promise<void> {
  const add = [...flagNames(change.addFlags), ...change.addKeywords];
  const remove = [...flagNames(change.removeFlags), ...change.removeKeywords.filter(isAtom)];
  if (!add.every((name) => isKept(folder.mailbox, name))) throw flagNotKept();
  await storeFlags(folder, uids, '+FLAGS.SILENT', add);
  await storeFlags(folder, uids, '-FLAGS.SILENT', remove);
}

/** `item` says whether the flags are added or removed. */
export async function storeFlags(
  { client }: SelectedFolder,
  uids: readonly number[],
  item: '+FLAGS.SILENT' | '-FLAGS.SILENT',
  names: string[],
): Promise<void> {
  if (names.length === 0) return;
  await runForUids(client, 'UID STORE', uids, [atom(item), names.map(atom)]);
}

/** Flags that the folder does not keep are lost at the end of the session (RFC 9051 §7.1). */
function isKept({ permanentFlags }: MailboxObject, name: string): boolean {
  if (!name.startsWith('\\') && !isAtom(name)) return false;
  if (!permanentFlags || (permanentFlags.has('\\*') && !name.startsWith('\\'))) return true;
  const wanted = name.toLowerCase();
  return [...permanentFlags].some((kept) => kept.toLowerCase() === wanted);
}

/** All that a keyword can be (RFC 9051 §9, flag-keyword); no folder holds another. */
function isAtom(name: string): boolean {
  return /^[^\s\p{Cc}(){%*"\\\]\u0080-\u{10ffff}]+$/u.test(name);
}
