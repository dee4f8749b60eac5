import type { MemberRow } from '../db/queries/members.ts';
import { toPublicId } from '../domain/ids.ts';
import type { SealedPlace, TenantVault } from '../domain/seal.ts';
import { openJson } from '../domain/sealed-json.ts';
import { toInstant } from './instant.ts';

/** Sealed as `members.profile`. */
export interface MemberProfile {
  name: string;
  email: string;
}

export function viewMember(vault: TenantVault, row: MemberRow) {
  const { name, email } = openProfile(vault, row);
  return {
    id: toPublicId('member', row.id),
    name,
    email,
    role: row.role,
    createdAt: toInstant(row.createdAt),
    leftAt: toInstant(row.leftAt),
  };
}

export function openProfile(vault: TenantVault, { id, profile }: MemberRow): MemberProfile {
  return openJson<MemberProfile>(vault, profilePlace(id), profile);
}

export function profilePlace(rowId: string): SealedPlace {
  return { table: 'members', column: 'profile', rowId };
}
