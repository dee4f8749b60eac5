import type { FolderRow } from '../db/queries/folders.ts';
import type { Tx } from '../db/client.ts';
import { completenessOf } from '../domain/reconciliation.ts';
import { toPublicId } from '../domain/ids.ts';
import type { TenantVault } from '../domain/seal.ts';
import { readFolderOverlay } from './folder-overlay.ts';
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
  const connectionIds = rows.map(({ connectionId }) => connectionId);
  const { asked, pathOf } = await readFolderOverlay(tx, vault, connectionIds);
  return rows.map((row) => {
    const own = asked.filter(({ folderId }) => folderId === row.id);
    const path = pathOf(row);
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
