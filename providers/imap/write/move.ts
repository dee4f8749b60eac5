import { encodePath } from 'imapflow/lib/tools.js';
import type { MovedItem, MoveOutcome, MoveRequest } from '../../../domain/mail-writer.ts';
import type { RemoteCollection } from '../../../domain/provider.ts';
import { refused, translated } from '../errors.ts';
import type { Lease } from '../session-pool.ts';
import { formatUidSet } from '../uid-set.ts';
import { canExpungeSome, movesAtOnce } from './abilities.ts';
import { atom, runCommand, sequence, type ServerLine } from './command.ts';
import { pairCopies, readIdentities } from './copies.ts';
import { readCopyUid } from './copy-uid.ts';
import { removalUnsupported } from './refusals.ts';
import { expunge } from './remove.ts';
import { presentUids, withSelected, type SelectedFolder } from './selected.ts';

/**
 * Moves messages: in one step where the server has MOVE (RFC 6851), else by COPY, a mark and an
 * expunge of these alone (UIDPLUS). A server with neither is refused before anything is copied.
 */
export async function moveMessages(lease: Lease, request: MoveRequest): Promise<MoveOutcome> {
  const { client } = lease.connection;
  if (movesAtOnce(client)) {
    return await withSelected(lease, request.collection, async (folder) => {
      const present = await presentUids(folder.client, request.uids);
      return present.length === 0
        ? { moved: [] }
        : await transfer(folder, 'MOVE', present, request);
    });
  }
  if (!canExpungeSome(client)) throw removalUnsupported();
  return await copyAndExpunge(lease, request);
}

/** The target's next UID where a move is not one step; null where it is. */
export async function copiesFrom(lease: Lease, target: RemoteCollection): Promise<number | null> {
  const { client } = lease.connection;
  if (movesAtOnce(client) || !canExpungeSome(client)) return null;
  const status = await translated(client.status(target.ref, { uidNext: true }));
  if (!status || status.uidNext === undefined) throw refused();
  return status.uidNext;
}

/**
 * What an attempt before this one has copied already is found again by its identity among the
 * target's newest, and not copied twice.
 */
async function copyAndExpunge(lease: Lease, request: MoveRequest): Promise<MoveOutcome> {
  const { collection, uids, target } = request;
  const copied = request.copiesFrom === null ? [] : await findCopies(lease, request);
  return await withSelected(lease, collection, async (folder) => {
    const present = await presentUids(folder.client, uids);
    const done = new Set(copied.map(({ uid }) => uid));
    const left = present.filter((uid) => !done.has(uid));
    const { moved } =
      left.length === 0 ? { moved: [] } : await transfer(folder, 'COPY', left, { target });
    await expunge(folder, present);
    return { moved: moved && [...copied, ...moved] };
  });
}

async function findCopies(lease: Lease, request: MoveRequest): Promise<MovedItem[]> {
  const { client } = lease.connection;
  const { collection, target, uids } = request;
  await translated(client.mailboxOpen(collection.ref, { readOnly: true }));
  const present = await presentUids(client, uids);
  const sources = await readIdentities(client, formatUidSet(present));
  await translated(client.mailboxOpen(target.ref, { readOnly: true }));
  // `n:*` always holds the last message (RFC 9051 §6.4.9).
  const from = request.copiesFrom ?? 1;
  const copies = await readIdentities(client, `${from}:*`);
  return pairCopies(
    sources,
    copies.filter(({ uid }) => uid >= from),
  );
}

async function transfer(
  { client }: SelectedFolder,
  verb: 'COPY' | 'MOVE',
  uids: number[],
  { target }: Pick<MoveRequest, 'target'>,
): Promise<MoveOutcome> {
  const lines: ServerLine[] = await runCommand(client, `UID ${verb}`, [
    sequence(formatUidSet(uids)),
    atom(encodePath(client, target.ref)),
  ]);
  return { moved: readCopyUid(lines, uids, target.uidValidity) };
}
