import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { scopes, type Scope } from '../domain/scope.ts';
import { tenantOf, type ApiEnv } from './context.ts';
import { requireHeld } from './permissions.ts';
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
      if (route) {
        const wanted = declared.get(nameOf(route));
        if (!wanted) throw new Error('The route names no scope.');
        requireHeld(tenantOf(c), wanted, 'This needs');
      }
    }
    await next();
  };
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
