import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { uuidv7 } from '../../domain/ids.ts';
import type { WrappedKeyStore } from '../../domain/seal.ts';
import { createKeyring } from '../../runtime/keyring.ts';
import { rootKeyIdOf } from '../../runtime/root-keys.ts';
import { createMemoryKeyStore } from '../support/keys.ts';
import { waitFor } from '../support/wait-for.ts';

const place = { table: 'members', column: 'profile', rowId: uuidv7() };

function open(store: WrappedKeyStore, options: { rootKey?: Uint8Array; cacheMs?: number } = {}) {
  const { rootKey = randomBytes(32), cacheMs = 60_000 } = options;
  return createKeyring({ rootKeys: () => [rootKey], store, cacheMs, cacheMax: 2 });
}

describe('the keyring', () => {
  it('gives a tenant keys once, and another process with the same root key the same', async () => {
    const [store, tenantId, rootKey] = [createMemoryKeyStore(), uuidv7(), randomBytes(32)];
    const keyring = open(store, { rootKey });
    await keyring.create(tenantId);
    const sealed = (await keyring.vault(tenantId)).seal(place, Buffer.from('content'));
    await keyring.create(tenantId);
    const other = await open(store, { rootKey }).vault(tenantId);
    expect(Buffer.from(other.open(place, sealed)).toString()).toBe('content');
    expect(await store.list(tenantId)).toHaveLength(2);
  });

  it('settles two creators at once on the same keys', async () => {
    const [store, tenantId, rootKey] = [createMemoryKeyStore(), uuidv7(), randomBytes(32)];
    const keyrings = Array.from({ length: 8 }, () => open(store, { rootKey }));
    await Promise.all(keyrings.map((keyring) => keyring.create(tenantId)));
    const materials = await Promise.all(keyrings.map((keyring) => keyring.material(tenantId)));
    const texts = materials.map(({ indexKey, dataKeys }) =>
      Buffer.concat([indexKey, ...dataKeys.map(({ key }) => key)]).toString('hex'),
    );
    expect(new Set(texts).size).toBe(1);
  });

  it('refuses a wrong root key and says which one it needs', async () => {
    const [store, tenantId, rootKey] = [createMemoryKeyStore(), uuidv7(), randomBytes(32)];
    await open(store, { rootKey }).create(tenantId);
    await expect(open(store).vault(tenantId)).rejects.toThrow(rootKeyIdOf(rootKey));
  });

  it('refuses a root key of the wrong size', () => {
    expect(() => open(createMemoryKeyStore(), { rootKey: randomBytes(16) })).toThrow(/32 bytes/);
  });

  it('refuses a wrapped key that belongs to another tenant, purpose or version', async () => {
    const [store, tenantId, rootKey] = [createMemoryKeyStore(), uuidv7(), randomBytes(32)];
    await open(store, { rootKey }).create(tenantId);
    const keys = await store.list(tenantId);
    const data = keys.find(({ purpose }) => purpose === 'data')!;
    const index = keys.find(({ purpose }) => purpose === 'index')!;
    const [thief, swapped, renamed] = [uuidv7(), { ...index, wrapped: data.wrapped }, 2];
    const forgeries = [
      [data, swapped],
      [{ ...data, version: renamed }, index],
      [
        { ...data, tenantId: thief },
        { ...index, tenantId: thief },
      ],
    ];
    for (const forged of forgeries) {
      const forgedStore = createMemoryKeyStore();
      await forgedStore.insert(forged);
      const vault = open(forgedStore, { rootKey }).vault(forged[0]!.tenantId);
      await expect(vault).rejects.toThrow(/altered or moved/);
    }
  });

  it('does not remember that a tenant had no keys', async () => {
    const [store, tenantId] = [createMemoryKeyStore(), uuidv7()];
    const keyring = open(store);
    await expect(keyring.vault(tenantId)).rejects.toThrow(/has no keys/);
    await keyring.create(tenantId);
    expect((await keyring.vault(tenantId)).tenantId).toBe(tenantId);
  });

  it('asks the store again after the cache time and beyond the cache size, not before', async () => {
    const inner = createMemoryKeyStore();
    const asked: string[] = [];
    const store: WrappedKeyStore = {
      ...inner,
      list: (tenantId) => {
        asked.push(tenantId);
        return inner.list(tenantId);
      },
    };
    const rootKey = randomBytes(32);
    const keyring = open(store, { rootKey });
    const tenants = [uuidv7(), uuidv7(), uuidv7()];
    for (const tenant of tenants) await keyring.create(tenant);
    for (const tenant of [0, 0, 1, 2, 2, 0]) await keyring.vault(tenants[tenant]!);
    expect(asked).toEqual([0, 1, 2, 0].map((tenant) => tenants[tenant]));
    const forgetful = open(store, { rootKey, cacheMs: 0 });
    asked.length = 0;
    await forgetful.vault(tenants[0]!);
    await forgetful.vault(tenants[0]!);
    expect(asked).toHaveLength(2);
  });

  it('holds no key for longer than the cache time, though nobody asks again', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const keyring = open(createMemoryKeyStore(), { cacheMs: 50 });
    const tenants = [uuidv7(), uuidv7()];
    const lent: WeakRef<object>[] = [];
    for (const tenant of tenants) {
      await keyring.create(tenant);
      lent.push(new WeakRef(await keyring.material(tenant)));
    }
    const held = () => lent.filter((material) => material.deref() !== undefined);
    await waitFor(
      async () => {
        collectGarbage();
        return held().length === 0;
      },
      { what: 'the end of all keys' },
    );
    expect((await keyring.vault(tenants[0]!)).tenantId).toBe(tenants[0]);
  });
});
