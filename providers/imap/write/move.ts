import { encodePath } from 'imapflow/lib/tools.js';
import type { MovedItem, MoveOutcome, MoveRequest } from '../../../domain/mail-writer.ts';
import type { RemoteCollection } from '../../../domain/provider.ts';
import { refused, translated } from '../errors.ts';
import { listAmong, listUids } from '../listing.ts';
import { lastUid } from '../open-folder.ts';
import type { Lease } from '../session-pool.ts';
import { canExpungeSome, movesAtOnce } from './abilities.ts';
import { atom, runForUids } from './command.ts';
import { readIdentities } from './copies.ts';
import { readCopyUid } from './copy-uid.ts';
import { removalUnsupported } from './refusals.ts';
import { expunge } from './remove.ts';
import { withSelected, type SelectedFolder } from './selected.ts';

/**
 * Moves messages: in one step where the server has MOVE (RFC 6851), else by COPY, a mark and an
 * expunge of these alone (UIDPLUS). A server with neither is refused before anything is copied.
 */
export async function moveMessages(lease: Lease, request: MoveRequest): Promise<MoveOutcome> {
  const { client } = lease.connection;
  if (movesAtOnce(client)) {
    return await withSelected(lease, request.collection, async (folder) => {
      const present = await listAmong(folder, request.uids);
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
    const present = await listAmong(folder, uids);
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
  const sources = new Map<string, number[]>();
  for await (const { uid, identity } of readIdentities(lease, await listAmong(lease, uids))) {
    sources.set(identity, [...(sources.get(identity) ?? []), uid]);
  }
  await translated(client.mailboxOpen(target.ref, { readOnly: true }));
  const range = { lowest: request.copiesFrom ?? 1, highest: await lastUid({ client }) };
  const copied: MovedItem[] = [];
  for await (const window of listUids(lease, range, { direction: 'ascending' })) {
    for await (const copy of readIdentities(lease, window)) {
      // Each source and each copy once.
      const uid = sources.get(copy.identity)?.shift();
      if (uid !== undefined) copied.push({ uid, newUid: copy.uid });
    }
  }
  return copied;
}

async function transfer(
  { client }: SelectedFolder,
  verb: 'COPY' | 'MOVE',
  uids: number[],
  { target }: Pick<MoveRequest, 'target'>,
): Promise<MoveOutcome> {
  const name = atom(encodePath(client, target.ref));
  const lines = await runForUids(client, `UID ${verb}`, uids, [name]);
  return { moved: readCopyUid(lines, uids, target.uidValidity) };
}
