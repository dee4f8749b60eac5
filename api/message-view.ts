import { listLabels, listPlacements, type MessageRow } from '../db/queries/messages.ts';
import type { Tx } from '../db/client.ts';
import { together } from '../db/pipeline.ts';
import { toPublicId } from '../domain/ids.ts';
import { mailFlags, type MessageEnvelope } from '../domain/mail.ts';
import { mayRead, type Actor } from '../domain/read-gate.ts';
import type { TenantVault } from '../domain/seal.ts';
import { openJson } from '../domain/sealed-json.ts';
import { readFolderOverlay, type FolderOverlay } from './folder-overlay.ts';
import { listHeaders } from './header-list.ts';
import { toInstant } from './instant.ts';
import { noOverlay, readOverlays, type Overlay, type Places } from './message-overlay.ts';
import type { MessageDetailView, MessageView } from './schemas/mail.ts';

/** Rows from the database with everything that is needed to show them. */
export interface OpenedMessage {
  row: MessageRow;
  envelope: MessageEnvelope;
  view: MessageView;
}

/** Opens rows that passed the gate in SQL; the gate is asked again, so that neither alone decides. */
export async function openMessages(
  tx: Tx,
  vault: TenantVault,
  actor: Actor,
  rows: MessageRow[],
): Promise<OpenedMessage[]> {
  const { tenantId } = actor;
  const allowed = rows.filter((row) => mayRead(actor, { ...row, tenantId }));
  const ids = allowed.map(({ id }) => id);
  const owned = allowed.filter(({ ownerId }) => ownerId === actor.memberId);
  const folders = await readFolderOverlay(
    tx,
    vault,
    owned.map(({ connectionId }) => connectionId),
  );
  const [places, overlays] = await together(
    readPlaces(tx, vault, actor, allowed, folders),
    readOverlays(tx, vault, ids, folders),
  );
  return allowed.map((row) => {
    const envelope = openJson<MessageEnvelope>(
      vault,
      { table: 'messages', column: 'envelope', rowId: row.id },
      row.envelope,
    );
    const overlay = overlays.get(row.id) ?? noOverlay;
    const place = places.get(row.id) ?? nowhere;
    const own = row.ownerId === actor.memberId;
    return { row, envelope, view: toView(row, envelope, overlaid(place, overlay, own)) };
  });
}

/** The long form of one message. */
export function toDetail({ view, envelope }: OpenedMessage): MessageDetailView {
  return {
    ...view,
    sender: envelope.sender,
    replyTo: envelope.replyTo,
    bcc: envelope.bcc,
    inReplyTo: envelope.inReplyTo || null,
    references: envelope.references,
    listId: envelope.listId || null,
    deliveredTo: envelope.deliveredTo,
    attachments: envelope.attachments,
    headers: listHeaders(envelope.headers),
  };
}

interface ShownPlaces extends Places, Pick<Overlay, 'pending' | 'refused'> {}

const nowhere: Places = { folders: [], labels: [], flags: 0 };

/** Places with what was asked of them; that it was asked, and where to, is the owner's own. */
function overlaid(places: Places, { over, pending, refused }: Overlay, own: boolean): ShownPlaces {
  const { folders, labels, flags } = over(places);
  if (own) return { folders, labels, flags, pending, refused };
  return { ...places, flags, pending: false, refused: [] };
}

/** Names of folders and labels are the owner's own; the flags are the message's. */
async function readPlaces(
  tx: Tx,
  vault: TenantVault,
  actor: Actor,
  rows: MessageRow[],
  { pathOf }: FolderOverlay,
): Promise<Map<string, Places>> {
  const owners = new Map(rows.map((row) => [row.id, row.ownerId]));
  const placements = await listPlacements(tx, actor.tenantId, [...owners.keys()]);
  const own = placements.filter(({ messageId }) => owners.get(messageId) === actor.memberId);
  const labelNames = new Map<string, string>();
  const labelIds = [...new Set(own.flatMap((placement) => placement.labelIds))];
  for (const { id, name } of await listLabels(tx, actor.tenantId, labelIds)) {
    const place = { table: 'labels', column: 'name', rowId: id };
    labelNames.set(id, openJson<{ name: string }>(vault, place, name).name);
  }
  const folderNames = new Map<string, string | undefined>();
  const places = new Map<string, Places>();
  for (const placement of placements) {
    const { messageId, folderId, uid, flags } = placement;
    const entry = places.get(messageId) ?? { folders: [], labels: [], flags: 0 };
    places.set(messageId, entry);
    entry.flags |= flags;
    if (owners.get(messageId) !== actor.memberId) continue;
    if (!folderNames.has(folderId)) {
      const path = pathOf({ id: folderId, name: placement.folderName });
      folderNames.set(folderId, path && (path.at(-1) ?? ''));
    }
    const name = folderNames.get(folderId);
    // A folder that is to be deleted is shown nowhere any more.
    if (name !== undefined) {
      // Below zero while the folder is being renumbered.
      const number = Number(uid) > 0 && { uid: Number(uid) };
      entry.folders.push({ id: toPublicId('folder', folderId), name, ...number });
    }
    const names = placement.labelIds.flatMap((id) => labelNames.get(id) ?? []);
    entry.labels = [...new Set([...entry.labels, ...names])];
  }
  return places;
}

function toView(row: MessageRow, envelope: MessageEnvelope, places: ShownPlaces): MessageView {
  return {
    id: toPublicId('message', row.id),
    connectionId: toPublicId('connection', row.connectionId),
    threadId: toPublicId('thread', row.threadId),
    folders: places.folders,
    subject: envelope.subject,
    from: envelope.from,
    to: envelope.to,
    cc: envelope.cc,
    messageId: envelope.messageId || null,
    sentAt: toInstant(row.sentAt),
    receivedAt: new Date(row.receivedAt).toISOString(),
    size: row.size,
    read: (places.flags & mailFlags.seen) !== 0,
    flagged: (places.flags & mailFlags.flagged) !== 0,
    labels: places.labels,
    direction: row.direction as MessageView['direction'],
    tracked: row.tracked,
    hasAttachments: row.hasAttachments,
    pending: places.pending,
    refused: places.refused,
  };
}
