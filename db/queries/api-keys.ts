import { sql } from 'drizzle-orm';
import type { Tx } from '../client.ts';

/** Only the key's hash is stored. */
export async function insertApiKey(
  tx: Pick<Tx, 'execute'>,
  key: { id: string; tenantId: string; hash: Uint8Array },
): Promise<void> {
  await tx.execute(sql`
    insert into directory.api_keys (id, tenant_id, hash)
    values (${key.id}, ${key.tenantId}, ${sql.param(key.hash)})`);
}

/** Whose key it is, unless it was revoked. */
export async function findApiKeyByHash(
  tx: Pick<Tx, 'execute'>,
  hash: Uint8Array,
): Promise<{ id: string; tenantId: string; tenantState: string } | undefined> {
  const [row] = await tx.execute<{ id: string; tenantId: string; tenantState: string }>(sql`
    select k.id, k.tenant_id as "tenantId", t.state as "tenantState"
    from directory.api_keys k join directory.tenants t on t.id = k.tenant_id
    where k.hash = ${sql.param(hash)} and k.revoked_at is null`);
  return row;
}

/** False when the tenant has no such key, or it was revoked before. */
export async function revokeApiKey(
  tx: Pick<Tx, 'execute'>,
  tenantId: string,
  id: string,
): Promise<boolean> {
  const rows = await tx.execute(sql`
    update directory.api_keys set revoked_at = steward_now()
    where id = ${id} and tenant_id = ${tenantId} and revoked_at is null returning id`);
  return rows.length > 0;
}
