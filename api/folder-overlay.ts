import { listFoldersBeingDeleted, listIntentsOfFolders } from '../db/queries/intents.ts';
import type { Tx } from '../db/client.ts';
import { together } from '../db/pipeline.ts';
import { overlayPath } from '../domain/intent.ts';
import type { TenantVault } from '../domain/seal.ts';
import { openFolderIntents, openFolderName } from '../domain/sealed-intent.ts';

/** What was asked of the folders of some connections, and is not confirmed or was refused. */
export interface FolderOverlay {
  asked: Awaited<ReturnType<typeof listIntentsOfFolders>>;
  /** The path of a folder as it will be; undefined when it is to be deleted. */
  pathOf(folder: { id: string; name: Uint8Array }): string[] | undefined;
}

export async function readFolderOverlay(
  tx: Tx,
  vault: TenantVault,
  connectionIds: Iterable<string>,
): Promise<FolderOverlay> {
  const ids = [...new Set(connectionIds)];
  const [asked, going] = await together(
    listIntentsOfFolders(tx, vault.tenantId, ids),
    listFoldersBeingDeleted(tx, vault.tenantId, ids),
  );
  const pending = asked.filter(({ state }) => state === 'pending');
  const chained = openFolderIntents(vault, pending);
  return {
    asked,
    pathOf: ({ id, name }) =>
      going.has(id) ? undefined : overlayPath(openFolderName(vault, id, name).path, id, chained),
  };
}
