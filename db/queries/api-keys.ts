import { sql } from 'drizzle-orm';
import type { Tx } from '../client.ts';
import type { ListWindow } from './keyset.ts';

export interface ApiKeyRow {
  id: string;
  label: string | null;
  createdAt: string;
  revokedAt: string | null;
}

const columns = sql`id, label, created_at as "createdAt", revoked_at as "revokedAt"`;

/** Only the key's hash is stored. */
export async function insertApiKey(
  tx: Pick<Tx, 'execute'>,
  key: { id: string; tenantId: string; hash: Uint8Array; label?: string | undefined },
): Promise<ApiKeyRow> {
  const [row] = await tx.execute<ApiKeyRow & Record<string, unknown>>(sql`
    insert into directory.api_keys (id, tenant_id, hash, label)
    values (${key.id}, ${key.tenantId}, ${sql.param(key.hash)}, ${key.label ?? null})
    returning ${columns}`);
  return row!;
}

/** Newest first, revoked ones too; ids are time-ordered, so the id alone is the sort key. */
export async function listApiKeys(
  tx: Pick<Tx, 'execute'>,
  tenantId: string,
  { after, limit }: ListWindow,
): Promise<ApiKeyRow[]> {
  const older = after ? sql`and id < ${after.id}::uuid` : sql``;
  return await tx.execute<ApiKeyRow & Record<string, unknown>>(sql`
    select ${columns} from directory.api_keys where tenant_id = ${tenantId} ${older}
    order by id desc limit ${limit}`);
}

/** Whether a working key besides this one is left. Ask it inside `withTransition`. */
export async function hasOtherApiKey(
  tx: Pick<Tx, 'execute'>,
  tenantId: string,
  id: string,
): Promise<boolean> {
  const others = await tx.execute(sql`
    select from directory.api_keys where tenant_id = ${tenantId} and revoked_at is null
      and id <> ${id} limit 1`);
  return others.length > 0;
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
