import type { Database } from '../db/client.ts';
import {
  createWrappedKeyStore,
  listKeysNotWrappedBy,
  replaceWrappedKeys,
} from '../db/queries/wrapped-keys.ts';
import { assertRootKeys } from '../runtime/keyring.ts';
import { createRootKey, rewrapKey } from '../runtime/root-keys.ts';

/** Keys of 250 tenants a transaction: a moment's work, and all that a kill can undo. */
const keysPerBatch = 500;

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
 * Returns how many keys it wrapped anew.
 *
 * @throws Problem before anything changes, when a root key is missing that wrapped some of them
 */
export async function rotateKeys(
  keys: Database,
  { rootKeys, onProgress, keysPerBatch: limit = keysPerBatch }: RotationOptions,
): Promise<number> {
  const roots = rootKeys.map(createRootKey);
  const [newest] = roots;
  if (!newest) throw new Error('A rotation needs a root key.');
  await assertRootKeys(createWrappedKeyStore(keys), rootKeys);
  let rewrapped = 0;
  for (;;) {
    const batch = await listKeysNotWrappedBy(keys, newest.id, limit);
    if (batch.length === 0) return rewrapped;
    const changes = batch.map((before) => ({ before, after: rewrapKey(roots, before) }));
    rewrapped += await replaceWrappedKeys(keys, changes);
    onProgress?.(rewrapped);
  }
}
