import { listFolderNames, listIntentsOfMessages, type IntentRow } from '../db/queries/intents.ts';
import type { Tx } from '../db/client.ts';
import { toPublicId } from '../domain/ids.ts';
import { foldIntents, overlayFlags, overlayKeywords, type NetChange } from '../domain/intent.ts';
import type { TenantVault } from '../domain/seal.ts';
import { openContent } from '../domain/sealed-intent.ts';
import type { FolderOverlay } from './folder-overlay.ts';
import { toInstant } from './instant.ts';
import type { RefusalView } from './schemas/mail.ts';

/** Where a message lies and how it is flagged. */
export interface Places {
  folders: { id: string; name: string; uid?: number | undefined }[];
  labels: string[];
  flags: number;
}

/** What was asked of a message and is not confirmed, or was refused. */
export interface Overlay {
  /** The places as they will be. */
  over(places: Places): Places;
  pending: boolean;
  refused: RefusalView[];
}

export const noOverlay: Overlay = { over: (places) => places, pending: false, refused: [] };

/** The overlays of these messages; most have none. */
export async function readOverlays(
  tx: Tx,
  vault: TenantVault,
  messageIds: string[],
  folders: FolderOverlay,
): Promise<Map<string, Overlay>> {
  const rows = await listIntentsOfMessages(tx, vault.tenantId, messageIds);
  if (rows.length === 0) return new Map();
  const pending = rows.filter(({ state }) => state === 'pending');
  const changes = foldIntents(pending.map((row) => toMessageIntent(vault, row)));
  const targets = [...changes.values()].flatMap(({ folderId }) => folderId ?? []);
  const names = await listFolderNames(tx, vault.tenantId, targets);
  const overlays = new Map<string, Overlay>();
  for (const [messageId, own] of Map.groupBy(rows, (row) => row.messageId ?? '')) {
    const change = changes.get(messageId);
    const refused = own.filter(({ state }) => state === 'refused');
    overlays.set(messageId, {
      pending: change !== undefined,
      refused: refused.map(viewRefusal),
      over: (places) => (change ? overlay(places, change, { folders, names }) : places),
    });
  }
  return overlays;
}

/** A refusal beside what it is about. */
export function viewRefusal(row: IntentRow): RefusalView {
  return {
    intentId: toPublicId('intent', row.id),
    kind: row.kind,
    reason: row.reason ?? '',
    at: toInstant(row.finishedAt ?? row.createdAt),
  };
}

/** Folders that messages are to be moved to, by their sealed names. */
interface Targets {
  folders: FolderOverlay;
  names: Map<string, Uint8Array>;
}

function overlay({ folders, labels, flags }: Places, change: NetChange, targets: Targets): Places {
  return {
    flags: overlayFlags(flags, change.flags),
    labels: overlayKeywords(labels, change.flags),
    folders: movedTo(change.folderId, targets) ?? folders,
  };
}

function movedTo(
  id: string | undefined,
  { folders, names }: Targets,
): Places['folders'] | undefined {
  const name = id === undefined ? undefined : names.get(id);
  if (id === undefined || !name) return undefined;
  const path = folders.pathOf({ id, name });
  return path && [{ id: toPublicId('folder', id), name: path.at(-1) ?? '' }];
}

function toMessageIntent(vault: TenantVault, row: IntentRow) {
  const { addKeywords, removeKeywords } = openContent(vault, row);
  const { id, folderId, addFlags, removeFlags } = row;
  const messageId = row.messageId ?? '';
  const kind = row.kind as 'flags' | 'move' | 'delete';
  return { id, messageId, kind, folderId, addFlags, removeFlags, addKeywords, removeKeywords };
}
