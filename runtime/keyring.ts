import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import type {
  Keyring,
  TenantKeyMaterial,
  TenantVault,
  WrappedKey,
  WrappedKeyStore,
} from '../domain/seal.ts';
import { createVault } from './seal.ts';

export interface KeyringOptions {
  /** 32 random bytes, from the root key file or the environment. */
  rootKey: Uint8Array;
  store: WrappedKeyStore;
  /** How long an unwrapped key stays in memory: the longest a destroyed key lives on here. */
  cacheMs: number;
  /** How many tenants' keys stay in memory. */
  cacheMax: number;
}

/** AES-256: the root key and the tenants' keys have the same size. */
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** The version that a tenant's first keys carry. */
const firstVersion = 1;

interface Entry {
  expiresAt: number;
  material: Promise<TenantKeyMaterial>;
  vault?: Promise<TenantVault>;
}

/**
 * Unwraps tenants' keys with the root key. A wrapped key is nonce | ciphertext | tag under
 * AES-256-GCM, bound to its tenant, purpose and version, so that rows can't be swapped.
 *
 * @throws when the root key has another size.
 */
export function createKeyring({ rootKey, store, cacheMs, cacheMax }: KeyringOptions): Keyring {
  if (rootKey.length !== keyBytes) {
    throw new Error(`The root key must have ${keyBytes} bytes; this one has ${rootKey.length}.`);
  }
  const root: RootKey = { id: rootKeyIdOf(rootKey), key: createSecretKey(rootKey) };
  const entries = new Map<string, Entry>();

  function entryOf(tenantId: string): Entry {
    const known = entries.get(tenantId);
    if (known && known.expiresAt > Date.now()) return known;
    const material = loadMaterial(root, store, tenantId);
    const entry: Entry = { expiresAt: Date.now() + cacheMs, material };
    entries.delete(tenantId);
    entries.set(tenantId, entry);
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
      // Two creators may race: the store keeps the first of each, and both read those back.
      await store.insert(purposes.map((purpose) => wrapNewKey(root, tenantId, purpose)));
      entries.delete(tenantId);
    },
  };
}

/** Names a root key without telling it: the first 8 hexadecimal digits of its SHA-256. */
export function rootKeyIdOf(rootKey: Uint8Array): string {
  return createHash('sha256').update(rootKey).digest('hex').slice(0, 8);
}

interface RootKey {
  id: string;
  key: KeyObject;
}

type KeyName = Pick<WrappedKey, 'tenantId' | 'purpose' | 'version'>;

async function loadMaterial(
  root: RootKey,
  store: WrappedKeyStore,
  tenantId: string,
): Promise<TenantKeyMaterial> {
  const wrapped = await store.list(tenantId);
  const index = wrapped.filter(({ purpose }) => purpose === 'index');
  const data = wrapped.filter(({ purpose }) => purpose === 'data');
  // There is one index key: a second would split every blind index in two.
  if (index.length !== 1 || data.length === 0) {
    throw new Error(`Tenant ${tenantId} has no keys.`);
  }
  return {
    tenantId,
    indexKey: unwrap(root, index[0]!),
    dataKeys: data.map((key) => ({ version: key.version, key: unwrap(root, key) })),
  };
}

function wrapNewKey(root: RootKey, tenantId: string, purpose: WrappedKey['purpose']): WrappedKey {
  const name = { tenantId, purpose, version: firstVersion };
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', root.key, nonce);
  cipher.setAAD(nameBytes(name));
  const ciphertext = Buffer.concat([cipher.update(randomBytes(keyBytes)), cipher.final()]);
  const wrapped = Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]);
  return { ...name, rootKeyId: root.id, wrapped };
}

function unwrap(root: RootKey, key: WrappedKey): Uint8Array {
  if (key.rootKeyId !== root.id) {
    throw new Error(
      `The keys of tenant ${key.tenantId} are wrapped by root key ${key.rootKeyId}, ` +
        `but this process was given ${root.id}. Start it with the root key that made them.`,
    );
  }
  const bytes = Buffer.from(key.wrapped);
  const decipher = createDecipheriv('aes-256-gcm', root.key, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(nameBytes(key));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([
      decipher.update(bytes.subarray(nonceBytes, -tagBytes)),
      decipher.final(),
    ]);
  } catch (cause) {
    throw new Error(`A wrapped key of tenant ${key.tenantId} was altered or moved.`, { cause });
  }
}

/** JSON keeps the parts apart, whatever they hold. */
function nameBytes({ tenantId, purpose, version }: KeyName): Buffer {
  return Buffer.from(JSON.stringify([tenantId, purpose, version]));
}
