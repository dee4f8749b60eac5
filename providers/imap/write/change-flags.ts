import type { MailboxObject } from 'imapflow';
import type { FlagsRequest } from '../../../domain/mail-writer.ts';
import type { FlagChange } from '../../../domain/provider.ts';
import { translated } from '../errors.ts';
import { flagNames, readFlags } from '../flags.ts';
import type { Lease } from '../session-pool.ts';
import { formatUidSet } from '../uid-set.ts';
import { atom, runCommand, sequence } from './command.ts';
import { flagNotKept } from './refusals.ts';
import { presentUids, withSelected, type SelectedFolder } from './selected.ts';

/**
 * Adds and removes flags and keywords of a set of messages, one STORE each (RFC 9051 §6.4.6), and
 * reads them back. Storing what is there already changes nothing.
 */
export async function changeFlags(
  lease: Lease,
  { collection, uids, change }: FlagsRequest,
): Promise<FlagChange[]> {
  const add = [...flagNames(change.addFlags), ...change.addKeywords];
  const remove = [...flagNames(change.removeFlags), ...change.removeKeywords];
  return await withSelected(lease, collection, async (folder) => {
    const present = await presentUids(folder.client, uids);
    if (present.length === 0) return [];
    if (!add.every((name) => isKept(folder.mailbox, name))) throw flagNotKept();
    await storeFlags(folder, present, '+FLAGS.SILENT', add);
    await storeFlags(folder, present, '-FLAGS.SILENT', remove);
    return await readBack(folder, present);
  });
}

/** One STORE; `item` says whether the flags are added or removed. */
export async function storeFlags(
  { client }: SelectedFolder,
  uids: readonly number[],
  item: '+FLAGS.SILENT' | '-FLAGS.SILENT',
  names: string[],
): Promise<void> {
  if (names.length === 0) return;
  await runCommand(client, 'UID STORE', [
    sequence(formatUidSet(uids)),
    atom(item),
    names.map(atom),
  ]);
}

/** Flags that the folder does not keep are lost at the end of the session (RFC 9051 §7.1). */
function isKept({ permanentFlags }: MailboxObject, name: string): boolean {
  if (!permanentFlags || (permanentFlags.has('\\*') && !name.startsWith('\\'))) return true;
  const wanted = name.toLowerCase();
  return [...permanentFlags].some((kept) => kept.toLowerCase() === wanted);
}

async function readBack({ client }: SelectedFolder, uids: number[]): Promise<FlagChange[]> {
  const asked = new Set(uids);
  const set = formatUidSet(uids);
  const rows = await translated(client.fetchAll(set, { uid: true, flags: true }, { uid: true }));
  return rows.flatMap(({ uid, flags, modseq }) =>
    flags && asked.has(uid) ? [{ uid, ...readFlags(flags), version: modseq ?? 0n }] : [],
  );
}
