import { missingScopes, type Scope } from '../domain/scope.ts';
import type { TenantPrincipal } from './context.ts';
import { HttpProblem } from './problem.ts';

/**
 * What an acting member may do. A key without a member is the CRM itself, which may do everything
 * in its tenant; so may an owner or an admin, except where a function says otherwise.
 */

/** A member's mailbox is that member's own, or an administrator's to look after. */
export function requireOwnOrAdmin({ member }: TenantPrincipal, ownerId: string): void {
  if (member === undefined || isAdmin(member.role) || member.id === ownerId) return;
  throw new HttpProblem('forbidden', 'The acting member may change their own connections only.');
}

/** Whoever acts for somebody else reads that person's mail: only the CRM itself decides that. */
export function requireSelf({ member }: TenantPrincipal, memberId: string): void {
  if (member === undefined || member.id === memberId) return;
  throw new HttpProblem('forbidden', 'The acting member may do this for themselves only.');
}

export function requireAdmin({ member }: TenantPrincipal, what: string): void {
  if (member === undefined || isAdmin(member.role)) return;
  throw new HttpProblem('forbidden', `Only owners and admins may ${what}.`);
}

/** A token must not outlive its hour, so it can not make what would. */
export function requireKey({ byToken }: TenantPrincipal, what: string): void {
  if (byToken) throw new HttpProblem('forbidden', `A token may not ${what}: use an API key.`);
}

/** A key or token does, and hands out, no more than it holds. `what` begins the sentence. */
export function requireHeld(
  { scopes }: TenantPrincipal,
  wanted: readonly Scope[],
  what: string,
): void {
  const missing = missingScopes(scopes, wanted);
  if (missing.length === 0) return;
  throw new HttpProblem('scope-missing', `${what} a key with the scope ${missing.join(', ')}.`);
}

/** Nobody gives, takes or touches a role above their own. */
export function mayActOnRole({ member }: TenantPrincipal, role: string): boolean {
  if (member === undefined || member.role === 'owner') return true;
  return member.role === 'admin' && role !== 'owner';
}

function isAdmin(role: string): boolean {
  return role === 'owner' || role === 'admin';
}
