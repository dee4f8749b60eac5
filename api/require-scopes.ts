import type { MiddlewareHandler } from 'hono';
import type { RouteConfig } from '@hono/zod-openapi';
import { scopes, type Scope } from '../domain/scope.ts';
import { tenantOf, type ApiEnv } from './context.ts';
import { declaredRoutes } from './declared-routes.ts';
import { requireHeld } from './permissions.ts';
import type { ApiApp } from './route-parts.ts';

/**
 * Asks for the scopes that the matched route names in its description, which is what the OpenAPI
 * document shows too. A tenant's route that names none answers nobody.
 */
export function requireScopes(app: ApiApp): MiddlewareHandler<ApiEnv> {
  const routeOf = declaredRoutes(app);
  return async (c, next) => {
    if (c.get('principal')?.kind === 'tenant') {
      const route = routeOf(c);
      if (route) {
        const wanted = scopesOf(route.declared);
        if (wanted.length === 0) throw new Error('The route names no scope.');
        requireHeld(tenantOf(c), wanted, 'This needs');
      }
    }
    await next();
  };
}

function scopesOf(route: RouteConfig | undefined): Scope[] {
  const { security = [] } = route ?? {};
  return security.flatMap(({ tenantKey = [] }) => tenantKey).filter(isScope);
}

const isScope = (text: string): text is Scope => (scopes as readonly string[]).includes(text);
