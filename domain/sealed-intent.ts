import type { FolderName } from './connection.ts';
import { chainFolderIntents, type FolderIntent, type IntentContent } from './intent.ts';
import type { TenantVault } from './seal.ts';
import { openJson, sealJson } from './sealed-json.ts';

const nothing: IntentContent = { addKeywords: [], removeKeywords: [], path: [] };

/** Opens what an intent holds of content. */
export function openContent(
  vault: TenantVault,
  { id, change }: { id: string; change: Uint8Array | null },
): IntentContent {
  if (change === null) return nothing;
  return openJson<IntentContent>(vault, { table: 'intents', column: 'change', rowId: id }, change);
}

/** Seals what an intent holds of content; null when it holds none. */
export function sealContent(
  vault: TenantVault,
  id: string,
  content: Partial<IntentContent>,
): Uint8Array | null {
  const whole = { ...nothing, ...content };
  if (Object.values(whole).every((names) => names.length === 0)) return null;
  return sealJson(vault, { table: 'intents', column: 'change', rowId: id }, whole);
}

/** A folder's intent as it is stored, with the sealed name of its folder. */
export interface SealedFolderIntent extends Pick<FolderIntent, 'folderId' | 'kind'> {
  id: string;
  change: Uint8Array | null;
  folderName: Uint8Array;
}

/** Opens folders' intents, given in the order in which they were asked for, and chains them. */
export function openFolderIntents(
  vault: TenantVault,
  intents: readonly SealedFolderIntent[],
): FolderIntent[] {
  return chainFolderIntents(
    intents.map(({ id, change, folderId, kind, folderName }) => ({
      ...{ folderId, kind },
      from: openFolderName(vault, folderId, folderName).path,
      path: openContent(vault, { id, change }).path,
    })),
  );
}

/** Opens `folders.name`. */
export function openFolderName(vault: TenantVault, id: string, name: Uint8Array): FolderName {
  return openJson<FolderName>(vault, { table: 'folders', column: 'name', rowId: id }, name);
}
