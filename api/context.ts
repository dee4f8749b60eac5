import type { Actor } from '../domain/read-gate.ts';
import type { Scope } from '../domain/scope.ts';

/** Whose key or token came with the request. */
export type Principal =
  | {
      kind: 'tenant';
      tenantId: string;
      /** The key, or the one that made the token. */
      keyId: string;
      /** A member's own token: it may not make keys or tokens. */
      byToken: boolean;
      scopes: readonly Scope[];
      member: ActingMember | undefined;
    }
  | { kind: 'operator'; operatorId: string };

export interface ActingMember {
  id: string;
  role: string;
}

/** What the middleware leaves for the routes. */
export interface ApiEnv {
  Variables: {
    requestId: string;
    principal: Principal | undefined;
    /**
     * Looks the key or token up anew, at no cost to its allowance. Undefined: it stands no longer,
     * its member has left or its tenant is not active.
     */
    reauthenticate: (() => Promise<Principal | undefined>) | undefined;
    problemCode: string | undefined;
    /** Pattern of the route that answers; request paths hold ids and never reach a log. */
    routePattern: string | undefined;
  };
}

export type TenantPrincipal = Extract<Principal, { kind: 'tenant' }>;

/** The tenant's side of an authenticated request. */
export function tenantOf(c: { get(key: 'principal'): Principal | undefined }): TenantPrincipal {
  const principal = c.get('principal');
  if (principal?.kind !== 'tenant') throw new Error('The route is not behind tenant keys.');
  return principal;
}

/** The acting member; only on routes that require one. */
export function actorOf(c: { get(key: 'principal'): Principal | undefined }): Actor {
  const { tenantId, member } = tenantOf(c);
  if (!member) throw new Error('The route does not require a member.');
  return { tenantId, memberId: member.id };
}

/** Who is named in the audit log for what a request does. */
export function auditActor(principal: Principal): string {
  if (principal.kind === 'operator') return `operator:${principal.operatorId}`;
  return principal.member ? `member:${principal.member.id}` : `key:${principal.keyId}`;
}
