import { eq } from 'drizzle-orm';
import type { WrappedKeyStore } from '../../domain/seal.ts';
import type { Database } from '../client.ts';
import { wrappedKeys } from '../schema/keys.ts';

/** The keys database as the keyring sees it. */
export function createWrappedKeyStore({ db }: Database): WrappedKeyStore {
  return {
    list: async (tenantId) =>
      await db
        .select({
          tenantId: wrappedKeys.tenantId,
          purpose: wrappedKeys.purpose,
          version: wrappedKeys.version,
          rootKeyId: wrappedKeys.rootKeyId,
          wrapped: wrappedKeys.wrapped,
        })
        .from(wrappedKeys)
        .where(eq(wrappedKeys.tenantId, tenantId))
        .orderBy(wrappedKeys.purpose, wrappedKeys.version),
    insert: async (keys) => {
      await db.insert(wrappedKeys).values(keys).onConflictDoNothing();
    },
  };
}
