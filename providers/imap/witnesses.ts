import { setImmediate as nextTurn } from 'node:timers/promises';
import { ProviderFailure } from '../../domain/failure.ts';
import type { RemoteCollection } from '../../domain/provider.ts';
import { witnessCommands, witnessesMax } from './bounds.ts';
import type { ImapClient } from './client.ts';
import { connectionLost, folderHangsUp, translated, translateError } from './errors.ts';
import { reopenAfterHangUp } from './hang-ups.ts';
import { openFolder, type OpenFolder } from './open-folder.ts';
import type { Lease } from './session-pool.ts';

/** A letter at which the server ended a new session. */
export interface Suspect {
  uid: number;
  error: unknown;
  /** A letter of the folder that was read before. */
  lastRead: number | undefined;
}

/** Reads a letter as the suspect was read. Returns whether it was there, and could be read. */
export type ReadLetter = (folder: OpenFolder, uid: number) => Promise<boolean>;

/**
 * Returns when a letter is at fault (see hang-ups.ts): another one of its folder can be read. Where
 * the folder has no other, one of another folder speaks for the server. The folder is open
 * afterwards.
 * @throws ProviderFailure that of `folderHangsUp` when letters can be read elsewhere only
 */
export async function findAtFault(
  folder: OpenFolder,
  { uid, error, lastRead }: Suspect,
  read: ReadLetter,
): Promise<void> {
  const { lease, collection } = folder;
  const neighbours = await someUids(folder, lastRead === undefined ? [] : [lastRead]);
  neighbours.delete(uid);
  const asked = [...neighbours].slice(0, witnessesMax);
  for (const neighbour of asked) {
    if (!(await answers(lease, () => testify(folder, neighbour, read)))) {
      await folder.openAgain();
      continue;
    }
    lease.hangUps.found = true;
    return;
  }
  const speaks = async (other: OpenFolder): Promise<boolean> => {
    const [first] = await someUids(other);
    return first !== undefined && (await testify(other, first, read));
  };
  if (!(await elsewhere(lease, collection, speaks))) throw translateError(error);
  if (asked.length > 0) throw folderHangsUp(error);
  await folder.openAgain();
}

/** Whether the server opens another folder than the one at which it ended a new session. */
export async function anotherOpens(lease: Lease, collection: RemoteCollection): Promise<boolean> {
  return await elsewhere(lease, collection, async ({ client }) => {
    await outlast(client);
    return true;
  });
}

/** Asks other folders, those with most mail first, until one bears witness. */
async function elsewhere(
  lease: Lease,
  { ref }: RemoteCollection,
  speaks: (other: OpenFolder) => Promise<boolean>,
): Promise<boolean> {
  const others = lease.hangUps.listed
    .filter((other) => other.ref !== ref)
    .toSorted((a, b) => b.messages - a.messages);
  for (const other of others.slice(0, witnessesMax)) {
    if (!(await answers(lease, async () => await speaks(await openFolder(lease, other))))) continue;
    lease.hangUps.found = true;
    return true;
  }
  return false;
}

/** Whether a witness speaks. One at which the server hangs up as well, or that it refuses, does not. */
async function answers(lease: Lease, speak: () => Promise<boolean>): Promise<boolean> {
  try {
    return await speak();
  } catch (error) {
    if (!lease.connection.client.usable) await reopenAfterHangUp(lease, error);
    else if (!(error instanceof ProviderFailure)) throw error;
    return false;
  }
}

async function testify(folder: OpenFolder, uid: number, read: ReadLetter): Promise<boolean> {
  if (!(await read(folder, uid))) return false;
  await outlast(folder.client);
  return true;
}

/** @throws ProviderFailure when the session does not live through as many commands */
async function outlast(client: ImapClient): Promise<void> {
  for (let i = 0; i < witnessCommands; i += 1) await client.noop();
  // imapflow does not say that a NOOP failed; a connection that ended closes in the next turn.
  await nextTurn();
  if (!client.usable) throw connectionLost();
}

/** UIDs that are there: some given ones first, then the oldest, the newest and one in the middle. */
async function someUids({ client }: OpenFolder, before: number[] = []): Promise<Set<number>> {
  const uids = new Set(before);
  const exists = client.mailbox ? client.mailbox.exists : 0;
  if (exists === 0) return uids;
  const rows = client.fetch(`1,${Math.ceil(exists / 2)},${exists}`, { uid: true });
  for (;;) {
    const row = await translated(rows.next());
    if (row.done) return uids;
    if (row.value.uid) uids.add(row.value.uid);
  }
}
