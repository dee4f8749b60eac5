import type { FolderRow } from '../db/queries/folders.ts';
import { listIntentsOfFolders } from '../db/queries/intents.ts';
import type { Tx } from '../db/client.ts';
import type { FolderName } from '../domain/connection.ts';
import { completenessOf } from '../domain/reconciliation.ts';
import { toPublicId } from '../domain/ids.ts';
import { chainFolderIntents, overlayPath, type FolderIntent } from '../domain/intent.ts';
import type { TenantVault } from '../domain/seal.ts';
import { openContent } from '../domain/sealed-intent.ts';
import { openJson } from '../domain/sealed-json.ts';
import { toInstant } from './instant.ts';
import { viewRefusal } from './message-overlay.ts';
import type { FolderView } from './schemas/mail.ts';

/**
 * Folders as their owner sees them, with what was asked for laid over; in the rows' order. Undefined
 * in the place of those that are to be deleted.
 */
export async function viewFolders(
  tx: Tx,
  vault: TenantVault,
  rows: FolderRow[],
): Promise<(FolderView | undefined)[]> {
  const connectionIds = [...new Set(rows.map(({ connectionId }) => connectionId))];
  const asked = await listIntentsOfFolders(tx, vault.tenantId, connectionIds);
  const pending = asked.filter(({ state }) => state === 'pending');
  const chained = chainFolderIntents(
    pending.map((intent): FolderIntent => {
      const from = openPath(vault, intent.folderId, intent.folderName);
      return { ...intent, from, path: openContent(vault, intent).path };
    }),
  );
  return rows.map((row) => {
    const own = asked.filter(({ folderId }) => folderId === row.id);
    const path = overlayPath(openPath(vault, row.id, row.name), row.id, chained);
    return (
      path && {
        ...toView(row, path),
        pending: own.some(({ state }) => state === 'pending'),
        refused: own.filter(({ state }) => state === 'refused').map(viewRefusal),
      }
    );
  });
}

function openPath(vault: TenantVault, id: string, name: Uint8Array): string[] {
  return openJson<FolderName>(vault, { table: 'folders', column: 'name', rowId: id }, name).path;
}

function toView(row: FolderRow, path: string[]): Omit<FolderView, 'pending' | 'refused'> {
  return {
    id: toPublicId('folder', row.id),
    connectionId: toPublicId('connection', row.connectionId),
    name: path.at(-1) ?? '',
    path,
    role: row.role,
    excluded: row.excluded,
    stored: row.stored,
    expected: row.expected,
    uidValidity: row.uidValidity,
    completeness:
      row.listedThen === null || row.storedThen === null
        ? null
        : completenessOf({ listed: row.listedThen, stored: row.storedThen }),
    reconciledAt: toInstant(row.reconciledAt),
    trouble: row.trouble,
  };
}
