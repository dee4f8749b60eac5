import { eq, ne, sql } from 'drizzle-orm';
import type { WrappedKey, WrappedKeyStore } from '../../domain/seal.ts';
import type { Database } from '../client.ts';
import { wrappedKeys } from '../schema/keys.ts';

/** The keys database as the keyring sees it. */
export function createWrappedKeyStore({ db }: Database): WrappedKeyStore {
  return {
    list: async (tenantId) =>
      await db
        .select(columns)
        .from(wrappedKeys)
        .where(eq(wrappedKeys.tenantId, tenantId))
        .orderBy(wrappedKeys.purpose, wrappedKeys.version),
    insert: async (keys) => {
      await db.insert(wrappedKeys).values(keys).onConflictDoNothing();
    },
    rootKeyIds: async () => {
      const id = wrappedKeys.rootKeyId;
      const rows = await db.selectDistinct({ id }).from(wrappedKeys).orderBy(id);
      return rows.map((row) => row.id);
    },
  };
}

/** Keys that another root key than this one wraps, up to a limit. */
export async function listKeysNotWrappedBy(
  { db }: Database,
  rootKeyId: string,
  limit: number,
): Promise<WrappedKey[]> {
  return await db
    .select(columns)
    .from(wrappedKeys)
    .where(ne(wrappedKeys.rootKeyId, rootKeyId))
    .orderBy(wrappedKeys.tenantId, wrappedKeys.purpose, wrappedKeys.version)
    .limit(limit);
}

/**
 * Puts keys under another root key, all or none, each only if it is still wrapped as it was read.
 * The role of the processes may not do that: it takes the owner's.
 */
export async function replaceWrappedKeys(
  { db }: Database,
  changes: readonly { before: WrappedKey; after: WrappedKey }[],
): Promise<number> {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
  const rows = await db.execute(sql`
    update wrapped_keys k set root_key_id = n.root_key_id, wrapped = decode(n.wrapped, 'hex')
    from unnest(
      ${sql.param(changes.map(({ before }) => before.tenantId))}::uuid[],
      ${sql.param(changes.map(({ before }) => before.purpose))}::text[],
      ${sql.param(changes.map(({ before }) => before.version))}::integer[],
      ${sql.param(changes.map(({ before }) => hex(before.wrapped)))}::text[],
      ${sql.param(changes.map(({ after }) => after.rootKeyId))}::text[],
      ${sql.param(changes.map(({ after }) => hex(after.wrapped)))}::text[]
    ) as n (tenant_id, purpose, version, wrapped_before, root_key_id, wrapped)
    where k.tenant_id = n.tenant_id and k.purpose = n.purpose and k.version = n.version
      and k.wrapped = decode(n.wrapped_before, 'hex')
    returning k.version`);
  return rows.length;
}

const columns = {
  tenantId: wrappedKeys.tenantId,
  purpose: wrappedKeys.purpose,
  version: wrappedKeys.version,
  rootKeyId: wrappedKeys.rootKeyId,
  wrapped: wrappedKeys.wrapped,
};
