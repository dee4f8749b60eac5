import type { RouteConfig } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { ApiEnv } from './context.ts';
import type { ApiApp } from './route-parts.ts';

/** The route that a request has matched: its name, and what it states in the OpenAPI document. */
export interface MatchedRoute {
  name: string;
  /** Undefined when it is no route of the document. */
  declared: RouteConfig | undefined;
}

/**
 * Finds what the matched route states of itself, for the middleware that acts on it. Undefined where
 * no route has the path.
 */
export function declaredRoutes(app: ApiApp): (c: Context<ApiEnv>) => MatchedRoute | undefined {
  let routes: Map<string, RouteConfig> | undefined;
  return (c) => {
    // The pattern that answers, under the method that it was registered for: HEAD is a GET there.
    const matched = matchedRoutes(c).findLast(({ path }) => !path.endsWith('*'));
    if (!matched) return undefined;
    // All routes are there by the first request, which is after the middleware was made.
    routes ??= readRoutes(app);
    const name = nameOf(matched);
    return { name, declared: routes.get(name) };
  };
}

function readRoutes(app: ApiApp): Map<string, RouteConfig> {
  const routes = new Map<string, RouteConfig>();
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== 'route') continue;
    const { method, path } = definition.route;
    const pattern = path.replaceAll(/\{(\w+)\}/g, ':$1');
    routes.set(nameOf({ method: method.toUpperCase(), path: pattern }), definition.route);
  }
  return routes;
}

const nameOf = ({ method, path }: { method: string; path: string }): string => `${method} ${path}`;
