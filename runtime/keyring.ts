import { randomBytes } from 'node:crypto';
import type {
  Keyring,
  LentKeyMaterial,
  TenantKeyMaterial,
  TenantVault,
  WrappedKey,
  WrappedKeyStore,
} from '../domain/seal.ts';
import { Problem } from './problem.ts';
import { createRootKey, keyBytes, unwrapKey, wrapKey, type RootKey } from './root-keys.ts';
import { createVault } from './seal.ts';

export interface KeyringOptions {
  /**
   * The root keys as they are now, each of 32 random bytes: the first wraps, all of them open. Asked
   * anew whenever a tenant's keys are loaded, so that a rotation needs no restart.
   */
  rootKeys: () => readonly Uint8Array[];
  store: WrappedKeyStore;
  /** How long an unwrapped key stays in memory: the longest a destroyed key lives on here. */
  cacheMs: number;
  /** How many tenants' keys stay in memory. */
  cacheMax: number;
}

/** The version that a tenant's first keys carry. */
const firstVersion = 1;

interface Entry {
  expiresAt: number;
  material: Promise<LentKeyMaterial>;
  vault?: Promise<TenantVault>;
}

/**
 * Unwraps tenants' keys with a root key. A wrapped key is bound to its tenant, purpose and version,
 * so that rows can't be swapped.
 *
 * @throws when a root key has another size.
 */
export function createKeyring({ rootKeys, store, cacheMs, cacheMax }: KeyringOptions): Keyring {
  const roots = (): RootKey[] => rootKeys().map(createRootKey);
  roots();
  /** In the order in which they expire. */
  const entries = new Map<string, Entry>();
  let sweep: NodeJS.Timeout | undefined;

  /** A key goes when its time is over, not when somebody asks for it next: nobody may. */
  function dropExpired(): void {
    sweep = undefined;
    for (const [tenantId, { expiresAt }] of entries) {
      const remaining = expiresAt - Date.now();
      if (remaining > 0) {
        sweep = setTimeout(dropExpired, remaining).unref();
        return;
      }
      entries.delete(tenantId);
    }
  }

  function entryOf(tenantId: string): Entry {
    const known = entries.get(tenantId);
    if (known && known.expiresAt > Date.now()) return known;
    const expiresAt = Date.now() + cacheMs;
    const material = loadMaterial(roots, store, tenantId).then((keys) => ({ ...keys, expiresAt }));
    const entry: Entry = { expiresAt, material };
    entries.delete(tenantId);
    entries.set(tenantId, entry);
    sweep ??= setTimeout(dropExpired, cacheMs).unref();
    if (entries.size > cacheMax) entries.delete(entries.keys().next().value!);
    // A failed look-up is not kept: the tenant may get its keys in the next moment.
    material.catch(() => {
      if (entries.get(tenantId) === entry) entries.delete(tenantId);
    });
    return entry;
  }

  return {
    material: (tenantId) => entryOf(tenantId).material,
    vault: (tenantId) => {
      const entry = entryOf(tenantId);
      entry.vault ??= entry.material.then(createVault);
      return entry.vault;
    },
    create: async (tenantId) => {
      const purposes = ['data', 'index'] as const;
      const [root] = roots();
      if (!root) throw new Error('Without a root key no tenant gets keys.');
      // Two creators may race: the store keeps the first of each, and both read those back.
      await store.insert(purposes.map((purpose) => wrapNewKey(root, tenantId, purpose)));
      entries.delete(tenantId);
    },
  };
}

/**
 * Proves that these root keys open all tenants' keys, so that a process with a wrong one does not
 * start and fail at every tenant's work.
 * @throws Problem that names the root key which is missing
 */
export async function assertRootKeys(
  store: Pick<WrappedKeyStore, 'rootKeyIds'>,
  rootKeys: readonly Uint8Array[],
): Promise<void> {
  const given = rootKeys.map((bytes) => createRootKey(bytes).id);
  const missing = (await store.rootKeyIds()).filter((id) => !given.includes(id));
  if (missing.length === 0) return;
  throw new Problem(
    `Tenants’ keys are wrapped by root key ${missing.join(' and ')}, but this process was given ` +
      `${given.join(' and ')}.`,
    'Give it the root key that made them. In the middle of a rotation give both, the new one ' +
      'first, until `npm run keys:rotate` has ended.',
  );
}

async function loadMaterial(
  rootsNow: () => readonly RootKey[],
  store: WrappedKeyStore,
  tenantId: string,
): Promise<TenantKeyMaterial> {
  const wrapped = await store.list(tenantId);
  const roots = rootsNow();
  const index = wrapped.filter(({ purpose }) => purpose === 'index');
  const data = wrapped.filter(({ purpose }) => purpose === 'data');
  // There is one index key: a second would split every blind index in two.
  if (index.length !== 1 || data.length === 0) {
    throw new Error(`Tenant ${tenantId} has no keys.`);
  }
  return {
    tenantId,
    indexKey: unwrapKey(roots, index[0]!),
    dataKeys: data.map((key) => ({ version: key.version, key: unwrapKey(roots, key) })),
  };
}

function wrapNewKey(root: RootKey, tenantId: string, purpose: WrappedKey['purpose']): WrappedKey {
  return wrapKey(root, { tenantId, purpose, version: firstVersion }, randomBytes(keyBytes));
}
