import { randomBytes } from 'node:crypto';
import type { Database } from '../../db/client.ts';
import { createWrappedKeyStore } from '../../db/queries/wrapped-keys.ts';
import type { Keyring, TenantKeyMaterial, WrappedKeyStore } from '../../domain/seal.ts';
import { createKeyring } from '../../runtime/keyring.ts';

/** A keyring over a test's keys database, with a root key of its own unless one is given. */
export function createTestKeyring(keys: Database, rootKey: Uint8Array = randomBytes(32)): Keyring {
  const store = createWrappedKeyStore(keys);
  return createKeyring({ rootKeys: () => [rootKey], store, cacheMs: 60_000, cacheMax: 100 });
}

/** Keys of a tenant that no database knows. */
export function createTestMaterial(tenantId: string): TenantKeyMaterial {
  return {
    tenantId,
    indexKey: randomBytes(32),
    dataKeys: [{ version: 1, key: randomBytes(32) }],
  };
}

/** A store of wrapped keys in memory, for tests without a database. */
export function createMemoryKeyStore(): WrappedKeyStore {
  const keys = new Map<string, Awaited<ReturnType<WrappedKeyStore['list']>>[number]>();
  return {
    rootKeyIds: async () => [...new Set([...keys.values()].map(({ rootKeyId }) => rootKeyId))],
    list: async (tenantId) => [...keys.values()].filter((key) => key.tenantId === tenantId),
    insert: async (added) => {
      for (const key of added) {
        const name = `${key.tenantId}/${key.purpose}/${key.version}`;
        if (!keys.has(name)) keys.set(name, key);
      }
    },
  };
}
