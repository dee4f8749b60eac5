import type { Database } from '../db/client.ts';
import { recordAudit } from '../db/queries/audit.ts';
import {
  createWrappedKeyStore,
  listKeysNotWrappedBy,
  replaceWrappedKeys,
} from '../db/queries/wrapped-keys.ts';
import { assertRootKeys } from '../runtime/keyring.ts';
import { createRootKey, rewrapKey } from '../runtime/root-keys.ts';

/** Keys of 250 tenants a transaction: a moment's work, and all that a kill can undo. */
const keysPerBatch = 500;

export interface RotationDatabases {
  keys: Database;
  /** The one with the audit log. */
  data: Database;
}

export interface RotationOptions {
  /** The new root key first, then those that the keys may be wrapped by. */
  rootKeys: readonly Uint8Array[];
  /** Called after every batch with how many keys are done. */
  onProgress?: (rewrapped: number) => void;
  keysPerBatch?: number;
}

/**
 * Wraps every tenant's keys anew under the first root key, while everything runs: tenants' keys stay
 * what they are, so nothing that they sealed changes. A run that was killed is simply run again.
 * Returns how many keys it wrapped anew. The audit log has the beginning of every run, before anything
 * changes, and the end of those that came to it.
 *
 * @throws Problem before anything changes, when a root key is missing that wrapped some of them
 */
export async function rotateKeys(
  { keys, data }: RotationDatabases,
  { rootKeys, onProgress, keysPerBatch: limit = keysPerBatch }: RotationOptions,
): Promise<number> {
  const roots = rootKeys.map(createRootKey);
  const [newest] = roots;
  if (!newest) throw new Error('A rotation needs a root key.');
  await assertRootKeys(createWrappedKeyStore(keys), rootKeys);
  const target = `root-key:${newest.id}`;
  const record = async (action: string): Promise<void> =>
    await recordAudit(data.db, { tenantId: null, actor: 'system', action, target });
  // It proves, too, that the log can be written: keys must not change where nobody will see it.
  await record('root-key.rotation-started');
  let rewrapped = 0;
  for (;;) {
    const batch = await listKeysNotWrappedBy(keys, newest.id, limit);
    if (batch.length === 0) break;
    const changes = batch.map((before) => ({ before, after: rewrapKey(roots, before) }));
    rewrapped += await replaceWrappedKeys(keys, changes);
    onProgress?.(rewrapped);
  }
  // Also of a run that found nothing to do: the one before it may have been killed at this very point.
  await record('root-key.rotated');
  return rewrapped;
}
