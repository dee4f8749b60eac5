import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { missingScopes, scopes, type Scope } from '../domain/scope.ts';
import { tenantOf, type ApiEnv, type TenantPrincipal } from './context.ts';
import { HttpProblem } from './problem.ts';
import type { ApiApp } from './route-parts.ts';

/**
 * Asks for the scopes that the matched route names in its description, which is what the OpenAPI
 * document shows too. A tenant's route that names none answers nobody.
 */
export function requireScopes(app: ApiApp): MiddlewareHandler<ApiEnv> {
  let declared: Map<string, Scope[]> | undefined;
  return async (c, next) => {
    if (c.get('principal')?.kind === 'tenant') {
      // The pattern that answers, under the method that it was registered for: HEAD is a GET there.
      const route = matchedRoutes(c).findLast(({ path }) => !path.endsWith('*'));
      declared ??= declaredScopes(app);
      if (route) demand(tenantOf(c), declared.get(nameOf(route)));
    }
    await next();
  };
}

function demand({ scopes: held }: TenantPrincipal, wanted: Scope[] | undefined): void {
  if (!wanted) throw new Error('The route names no scope.');
  refuseBeyond(held, wanted, 'This needs');
}

/** Nobody hands out more than they have. @throws HttpProblem `scope-missing` */
export function refuseBeyond(held: readonly Scope[], wanted: readonly Scope[], what: string): void {
  const missing = missingScopes(held, wanted);
  if (missing.length === 0) return;
  throw new HttpProblem('scope-missing', `${what} a key with the scope ${missing.join(', ')}.`);
}

function declaredScopes(app: ApiApp): Map<string, Scope[]> {
  const declared = new Map<string, Scope[]>();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== 'route') continue;
    const { method, path, security = [] } = definition.route;
    const named = security.flatMap(({ tenantKey = [] }) => tenantKey).filter(isScope);
    const pattern = path.replaceAll(/\{(\w+)\}/g, ':$1');
    if (named.length > 0)
      declared.set(nameOf({ method: method.toUpperCase(), path: pattern }), named);
  }
  return declared;
}

const isScope = (text: string): text is Scope => (scopes as readonly string[]).includes(text);

const nameOf = ({ method, path }: { method: string; path: string }): string => `${method} ${path}`;
