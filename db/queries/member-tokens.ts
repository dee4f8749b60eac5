import { sql } from 'drizzle-orm';
import type { Scope } from '../../domain/scope.ts';
import type { Tx } from '../client.ts';

export interface NewMemberToken {
  id: string;
  tenantId: string;
  /** The key that asked for it; revoking the key ends the token. */
  keyId: string;
  memberId: string;
  hash: Uint8Array;
  lifeSeconds: number;
  scopes: readonly Scope[];
}

/** Only the token's hash is stored. Also clears away the tenant's tokens that have expired. */
export async function insertMemberToken(
  tx: Pick<Tx, 'execute'>,
  token: NewMemberToken,
): Promise<{ expiresAt: string }> {
  await tx.execute(sql`
    delete from directory.member_tokens
    where tenant_id = ${token.tenantId} and expires_at < steward_now()`);
  const [row] = await tx.execute<{ expiresAt: string }>(sql`
    insert into directory.member_tokens (id, tenant_id, key_id, member_id, hash, expires_at, scopes)
    values (${token.id}, ${token.tenantId}, ${token.keyId}, ${token.memberId},
      ${sql.param(token.hash)}, steward_now() + make_interval(secs => ${token.lifeSeconds}),
      ${sql.param([...token.scopes])}::text[])
    returning expires_at as "expiresAt"`);
  return row!;
}

export interface FoundMemberToken {
  id: string;
  tenantId: string;
  tenantState: string;
  keyId: string;
  memberId: string;
  scopes: Scope[];
}

/** Whose token it is, unless it has expired or its key was revoked. */
export async function findMemberTokenByHash(
  tx: Pick<Tx, 'execute'>,
  hash: Uint8Array,
): Promise<FoundMemberToken | undefined> {
  const [row] = await tx.execute<FoundMemberToken & Record<string, unknown>>(sql`
    select m.id, m.tenant_id as "tenantId", t.state as "tenantState", m.key_id as "keyId",
      m.member_id as "memberId", m.scopes
    from directory.member_tokens m join directory.tenants t on t.id = m.tenant_id
      join directory.api_keys k on k.id = m.key_id
    where m.hash = ${sql.param(hash)} and m.expires_at > steward_now() and k.revoked_at is null`);
  return row;
}

/** Ends all tokens of a member at once. */
export async function deleteMemberTokens(
  tx: Pick<Tx, 'execute'>,
  tenantId: string,
  memberId: string,
): Promise<void> {
  await tx.execute(sql`
    delete from directory.member_tokens
    where tenant_id = ${tenantId} and member_id = ${memberId}`);
}
