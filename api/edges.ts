import type { Context, MiddlewareHandler } from 'hono';
import type { ApiEnv } from './context.ts';
import { HttpProblem, notFound } from './problem.ts';
import type { ApiApp } from './route-parts.ts';

const methodsWithBody = new Set(['POST', 'PUT', 'PATCH']);

/** Bodies are JSON; another type would reach the schema as nothing and be explained badly. */
export const requireJson: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const type = c.req.header('Content-Type');
  const json = type !== undefined && /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type);
  if (methodsWithBody.has(c.req.method) && !json && (await c.req.text()) !== '') {
    throw new HttpProblem('unsupported-media-type', 'Send Content-Type: application/json.');
  }
  return await next();
};

/** Tells a path that nobody serves from one that lacks this method. */
export function unknownRoute(app: ApiApp, c: Context<ApiEnv>): HttpProblem {
  const methods = methodsOf(app, c.req.path);
  if (methods.length === 0) return notFound('No route has this path; see /docs.');
  const allowed = methods.map((method) => method.toUpperCase()).join(', ');
  c.header('Allow', allowed);
  return new HttpProblem('method-not-allowed', `This path answers ${allowed}.`);
}

function methodsOf(app: ApiApp, path: string): string[] {
  return app.openAPIRegistry.definitions.flatMap((definition) => {
    if (definition.type !== 'route') return [];
    const pattern = definition.route.path.replace(/\{[^}]+\}/g, '[^/]+');
    return new RegExp(`^${pattern}$`).test(path) ? [definition.route.method] : [];
  });
}
