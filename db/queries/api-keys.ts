import { sql } from 'drizzle-orm';
import { scopes, type Scope } from '../../domain/scope.ts';
import type { Tx } from '../client.ts';
import type { ListWindow } from './keyset.ts';

export interface ApiKeyRow {
  id: string;
  label: string | null;
  scopes: Scope[];
  createdAt: string;
  revokedAt: string | null;
}

const columns = sql`id, label, scopes, created_at as "createdAt", revoked_at as "revokedAt"`;

/** Only the key's hash is stored. */
export async function insertApiKey(
  tx: Pick<Tx, 'execute'>,
  key: {
    id: string;
    tenantId: string;
    hash: Uint8Array;
    label?: string | undefined;
    scopes: readonly Scope[];
  },
): Promise<ApiKeyRow> {
  const [row] = await tx.execute<ApiKeyRow & Record<string, unknown>>(sql`
    insert into directory.api_keys (id, tenant_id, hash, label, scopes)
    values (${key.id}, ${key.tenantId}, ${sql.param(key.hash)}, ${key.label ?? null},
      ${sql.param([...key.scopes])}::text[])
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

/** Whether a working key with every scope is left besides this one. Ask it in `withTransition`. */
export async function hasOtherFullKey(
  tx: Pick<Tx, 'execute'>,
  tenantId: string,
  id: string,
): Promise<boolean> {
  const others = await tx.execute(sql`
    select from directory.api_keys where tenant_id = ${tenantId} and revoked_at is null
      and id <> ${id} and scopes @> ${sql.param([...scopes])}::text[] limit 1`);
  return others.length > 0;
}

export interface FoundApiKey {
  id: string;
  tenantId: string;
  tenantState: string;
  scopes: Scope[];
}

/** Whose key it is, unless it was revoked. */
export async function findApiKeyByHash(
  tx: Pick<Tx, 'execute'>,
  hash: Uint8Array,
): Promise<FoundApiKey | undefined> {
  const [row] = await tx.execute<FoundApiKey & Record<string, unknown>>(sql`
    select k.id, k.tenant_id as "tenantId", t.state as "tenantState", k.scopes
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
