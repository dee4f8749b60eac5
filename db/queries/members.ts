import { sql } from 'drizzle-orm';
import type { Tx } from '../client.ts';
import type { ListWindow } from './keyset.ts';

export type MemberRole = 'owner' | 'admin' | 'member';

export interface MemberRow {
  id: string;
  /** Sealed `{name, email}`. */
  profile: Uint8Array;
  role: MemberRole;
  createdAt: string;
  /** Set since the member was off-boarded. */
  leftAt: string | null;
}

const columns = sql`id, profile, role, created_at as "createdAt", left_at as "leftAt"`;

export interface NewMember {
  id: string;
  tenantId: string;
  profile: Uint8Array;
  /** Blind index of the normalised e-mail address: once among a tenant's present members. */
  emailIndex: string;
  role: MemberRole;
}

/** Undefined when a present member of the tenant has that e-mail address. */
export async function insertMember(tx: Tx, member: NewMember): Promise<MemberRow | undefined> {
  const [row] = await tx.execute<MemberRow & Record<string, unknown>>(sql`
    insert into members (tenant_id, id, profile, email_index, role)
    values (${member.tenantId}, ${member.id}, ${sql.param(member.profile)}, ${member.emailIndex},
      ${member.role})
    on conflict (tenant_id, email_index) where left_at is null do nothing
    returning ${columns}`);
  return row;
}

/** Newest first; ids are time-ordered, so the id alone is the sort key. */
export async function listMembers(
  tx: Tx,
  tenantId: string,
  { after, limit }: ListWindow,
): Promise<MemberRow[]> {
  const older = after ? sql`and id < ${after.id}::uuid` : sql``;
  return await tx.execute<MemberRow & Record<string, unknown>>(sql`
    select ${columns} from members where tenant_id = ${tenantId} ${older}
    order by id desc limit ${limit}`);
}

export async function readMember(
  tx: Tx,
  tenantId: string,
  id: string,
): Promise<MemberRow | undefined> {
  const [row] = await tx.execute<MemberRow & Record<string, unknown>>(sql`
    select ${columns} from members where tenant_id = ${tenantId} and id = ${id}`);
  return row;
}

export interface MemberChange {
  /** Profile and index change together: the index is of the address inside the profile. */
  profile?: { sealed: Uint8Array; emailIndex: string } | undefined;
  role?: MemberRole | undefined;
}

/** Undefined when there is no such member; `email-taken` when another present one has the address. */
export async function updateMember(
  tx: Tx,
  tenantId: string,
  id: string,
  { profile, role }: MemberChange,
): Promise<MemberRow | 'email-taken' | undefined> {
  if (profile) {
    // Two changes at once to the same address take turns: the index itself would only throw.
    await tx.execute(sql`
      select pg_advisory_xact_lock(hashtextextended(${tenantId + profile.emailIndex}, 0))`);
    const taken = await tx.execute(sql`
      select from members where tenant_id = ${tenantId} and email_index = ${profile.emailIndex}
        and left_at is null and id <> ${id}`);
    if (taken.length > 0) return 'email-taken';
  }
  const [row] = await tx.execute<MemberRow & Record<string, unknown>>(sql`
    update members set
      profile = coalesce(${sql.param(profile?.sealed ?? null)}::bytea, profile),
      email_index = coalesce(${profile?.emailIndex ?? null}::uuid, email_index),
      role = coalesce(${role ?? null}::text, role)
    where tenant_id = ${tenantId} and id = ${id} returning ${columns}`);
  return row;
}

/** Off-boards a present member; the row stays, as the name on mail that is tracked. */
export async function endMember(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  const left = await tx.execute(sql`
    update members set left_at = steward_now()
    where tenant_id = ${tenantId} and id = ${id} and left_at is null returning id`);
  return left.length > 0;
}

/** Whether a present owner besides this member is left. Ask it inside `withTransition`. */
export async function hasOtherOwner(tx: Tx, tenantId: string, id: string): Promise<boolean> {
  const others = await tx.execute(sql`
    select from members where tenant_id = ${tenantId} and role = 'owner' and left_at is null
      and id <> ${id} limit 1`);
  return others.length > 0;
}
