import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { recordAudit } from '../db/queries/audit.ts';
import { auditActor, type ApiEnv } from './context.ts';
import type { ApiDeps } from './deps.ts';
import type { ProblemCode } from './problem.ts';
import { createRateLimiter } from './rate-limit.ts';
import { routePattern, unmatched } from './request-log.ts';

/** One entry an hour says that somebody is refused at a route; a thousand would say no more. */
const perActorAndRoute = { burst: 1, perSecond: 1 / 3_600 };

/**
 * A key may name every member and try every route: the log, whose writers take turns, must not grow
 * with that. A hundred an hour are more than anybody reads, and a drop among what is written.
 */
const perTenant = { burst: 100, perSecond: 100 / 3_600 };

/** What people get instead of what is not theirs. Whether it exists makes no difference. */
const denials: ReadonlySet<string> = new Set<ProblemCode>([
  'forbidden',
  'scope-missing',
  'not-the-owner',
  'not-found',
  'unknown-member',
]);

/**
 * Leaves `authz.denied` in the audit log when a tenant's key is refused something: who, and at which
 * route, never what was asked for. Another tenant's id, nobody's, and one of the tenant's own that
 * has gone are recorded alike: what is erased leaves nothing to be known by, and an entry that is
 * missing would tell what a guess had hit. Comes before authentication.
 */
export function auditDenials({ database, log }: ApiDeps): MiddlewareHandler<ApiEnv> {
  const entries = createRateLimiter(perActorAndRoute);
  const tenants = createRateLimiter(perTenant);
  return async (c, next) => {
    await next();
    const principal = c.get('principal');
    if (principal?.kind !== 'tenant' || !denials.has(c.get('problemCode') ?? '')) return;
    const route = routePattern(matchedRoutes(c));
    if (route === unmatched) return;
    const { tenantId } = principal;
    const actor = auditActor(principal);
    const target = `route:${c.req.method} ${route}`;
    if (!entries.take(`${tenantId} ${actor} ${target}`).allowed) return;
    if (!tenants.take(tenantId).allowed) return;
    try {
      await recordAudit(database.db, { tenantId, actor, action: 'authz.denied', target });
    } catch (error) {
      // The refusal stands, whether it could be noted or not.
      log.error({ err: error, requestId: c.get('requestId') }, 'refusal not noted');
    }
  };
}
