import type { FolderRow } from '../db/queries/folders.ts';
import { listIntentsOfFolders } from '../db/queries/intents.ts';
import type { Tx } from '../db/client.ts';
import { completenessOf } from '../domain/reconciliation.ts';
import { toPublicId } from '../domain/ids.ts';
import { overlayPath } from '../domain/intent.ts';
import type { TenantVault } from '../domain/seal.ts';
import { openFolderIntents, openFolderName } from '../domain/sealed-intent.ts';
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
  const chained = openFolderIntents(vault, pending);
  return rows.map((row) => {
    const own = asked.filter(({ folderId }) => folderId === row.id);
    const path = overlayPath(openFolderName(vault, row.id, row.name).path, row.id, chained);
    return (
      path && {
        ...toView(row, path),
        pending: own.some(({ state }) => state === 'pending'),
        refused: own.filter(({ state }) => state === 'refused').map(viewRefusal),
      }
    );
  });
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
