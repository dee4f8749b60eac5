import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { uuidv7 } from '../domain/ids.ts';
import type { Logger } from '../runtime/logger.ts';
import type { ApiEnv } from './context.ts';
import type { ApiMetrics } from './metrics.ts';

/**
 * Gives every request an id of ours and writes one line about it: the route's pattern, never the
 * path, the query, a header or a body, which may hold what people wrote.
 */
export function requestLog(log: Logger, metrics: ApiMetrics): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const requestId = `req_${uuidv7().replaceAll('-', '')}`;
    c.set('requestId', requestId);
    c.header('X-Request-Id', requestId);
    const startedAt = performance.now();
    await next();
    const ms = performance.now() - startedAt;
    const { method } = c.req;
    const { status } = c.res;
    const route = routePattern(matchedRoutes(c));
    metrics.observeRequest({ method, route, status, seconds: ms / 1000 });
    const principal = c.get('principal');
    const code = c.get('problemCode');
    const facts = {
      requestId,
      method,
      route,
      status,
      ms: Math.round(ms * 10) / 10,
      ...(code && { code }),
      ...(principal?.kind === 'tenant' && {
        tenantId: principal.tenantId,
        keyId: principal.keyId,
        ...(principal.member && { memberId: principal.member.id }),
      }),
      ...(principal?.kind === 'operator' && { operatorId: principal.operatorId }),
    };
    if (status >= 500) log.error(facts, 'request failed');
    else log.info(facts, 'request');
  };
}

/** What stands for the pattern of a path that nobody serves. */
export const unmatched = 'unmatched';

/** The pattern of the route that answered; middleware patterns end in a star. */
export function routePattern(routes: { path: string }[]): string {
  return routes.findLast(({ path }) => !path.endsWith('*'))?.path ?? unmatched;
}
