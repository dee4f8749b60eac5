/**
 * What an API key or a member's token may do, besides being the tenant's. A scope added here is to be
 * granted by its migration to every key that held all of them: a tenant never loses its last such key.
 */
export const scopes = [
  'mail:read',
  'mail:write',
  'connections:read',
  'connections:write',
  'members:read',
  'members:write',
  'keys:read',
  'keys:write',
  'tokens:write',
  'audit:read',
] as const;

export type Scope = (typeof scopes)[number];

/** What is asked for and not held, in the order of the list. */
export function missingScopes(held: readonly Scope[], wanted: readonly Scope[]): Scope[] {
  return scopes.filter((scope) => wanted.includes(scope) && !held.includes(scope));
}
