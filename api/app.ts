import { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { ClaimLostError } from '../db/claim.ts';
import { FencedError, ProviderFailure } from '../domain/failure.ts';
import { auditDenials } from './audit-denials.ts';
import { authenticate } from './auth.ts';
import type { ApiEnv } from './context.ts';
import type { ApiDeps } from './deps.ts';
import { fromHttpException, requireJson, unknownRoute } from './edges.ts';
import { idempotent } from './idempotency.ts';
import { createApiMetrics } from './metrics.ts';
import { fromProviderFailure, HttpProblem, inFlight, sendProblem } from './problem.ts';
import { requireScopes } from './require-scopes.ts';
import { requestLog } from './request-log.ts';
import { createRateLimiter } from './rate-limit.ts';
import type { ApiApp } from './route-parts.ts';
import { addApiKeyRoutes } from './routes/api-keys.ts';
import { addAuditRoutes } from './routes/audit.ts';
import { addConnectionActionRoutes } from './routes/connection-actions.ts';
import { addConnectionEventRoutes } from './routes/connection-events.ts';
import { addConnectionSettingRoutes } from './routes/connection-settings.ts';
import { addConnectionRoutes } from './routes/connections.ts';
import { addDocsRoutes } from './routes/docs.ts';
import { addFolderChangeRoutes } from './routes/folder-changes.ts';
import { addFolderRoutes } from './routes/folders.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addMemberChangeRoutes } from './routes/member-changes.ts';
import { addMemberTokenRoutes } from './routes/member-tokens.ts';
import { addIntentRoutes } from './routes/intents.ts';
import { addMemberRoutes } from './routes/members.ts';
import { addMessageChangeRoutes } from './routes/message-changes.ts';
import { addMessageRoutes } from './routes/messages.ts';
import { addMetricsRoutes } from './routes/metrics.ts';
import { addOperatorRoutes } from './routes/operators.ts';
import { addPageRoutes } from './routes/pages.ts';
import { addSandboxRoutes } from './routes/sandbox.ts';
import { addSkipRoutes } from './routes/skips.ts';
import { addSourceRoutes } from './routes/sources.ts';
import { addTenantRoutes } from './routes/tenants.ts';
import { addThreadRoutes } from './routes/threads.ts';
import { createSyncTotals } from './sync-totals.ts';

/** No route takes more than a connection's settings; 200 folder paths fit several times over. */
export const bodyBytesMax = 256 * 1024;

/** Only our own files: no inline script, no frame, nothing from elsewhere. */
const contentSecurityPolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
};

/**
 * The HTTP API as one app. `closing` ends event streams when the process drains.
 */
export function createApi(
  deps: ApiDeps,
  closing: AbortSignal = new AbortController().signal,
): ApiApp {
  const app: ApiApp = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidRequest(result.target, result.error.issues);
    },
  });
  const metrics = createApiMetrics();
  const connects = createRateLimiter(deps.options.limits.connects);

  app.onError((error, c) => sendProblem(c, toProblem(error, deps)));
  app.notFound((c) => sendProblem(c, unknownRoute(app, c)));

  app.use('*', requestLog(deps.log, metrics));
  app.use('*', secureHeaders({ contentSecurityPolicy, referrerPolicy: 'no-referrer' }));
  app.use('*', bodyLimit({ maxSize: bodyBytesMax, onError: tooLarge }));
  addSandboxRoutes(app, deps);
  app.use('/v1/*', auditDenials(deps));
  app.use('/v1/*', authenticate(deps));
  app.use('/v1/*', requireScopes(app));
  app.use('/v1/*', requireJson);
  app.use('/v1/*', idempotent(app, deps));

  addOperatorRoutes(app, deps);
  addTenantRoutes(app, deps);
  addApiKeyRoutes(app, deps);
  addMemberTokenRoutes(app, deps);
  addAuditRoutes(app, deps);
  addMemberRoutes(app, deps);
  addMemberChangeRoutes(app, deps);
  addConnectionRoutes(app, deps, connects);
  addConnectionSettingRoutes(app, deps, connects);
  addConnectionActionRoutes(app, deps);
  addConnectionEventRoutes(app, deps, closing);
  addSkipRoutes(app, deps);
  addIntentRoutes(app, deps);
  addFolderRoutes(app, deps);
  addFolderChangeRoutes(app, deps);
  addMessageRoutes(app, deps);
  addMessageChangeRoutes(app, deps);
  addSourceRoutes(app, deps);
  addThreadRoutes(app, deps);
  addHealthRoutes(app, deps);
  addMetricsRoutes(app, metrics, createSyncTotals(deps.database));
  addDocsRoutes(app);
  addPageRoutes(app);
  return app;
}

function tooLarge(): never {
  throw new HttpProblem(
    'payload-too-large',
    `A request’s body may have up to ${bodyBytesMax} bytes.`,
  );
}

interface Issue {
  code?: string;
  path: PropertyKey[];
  message: string;
  keys?: string[];
}

/** Zod's issues per field. A field that nobody knows is refused by its name. */
function invalidRequest(target: string, issues: Issue[]): HttpProblem {
  const errors = issues.flatMap(({ code, path, message, keys }) => {
    if (code === 'unrecognized_keys') {
      return (keys ?? []).map((key) => ({
        field: [...path, key].join('.'),
        message: 'There is no such field.',
      }));
    }
    return [{ field: path.join('.') || target, message }];
  });
  const first = errors[0];
  const detail = first ? `${first.field}: ${first.message}` : 'The request is not valid.';
  const cursor = errors.length === 1 && first?.field === 'cursor';
  return new HttpProblem(cursor ? 'invalid-cursor' : 'invalid-request', detail, { errors });
}

/** Whatever was thrown, as a problem. What is ours and unexpected says nothing about its cause. */
function toProblem(error: Error, { log }: ApiDeps): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof ProviderFailure) return fromProviderFailure(error, 'imap');
  if (error instanceof ClaimLostError) return inFlight();
  if (error instanceof FencedError) {
    return new HttpProblem('unavailable', 'The connection is changing; try again in a moment.', {
      retryAfterSeconds: 1,
    });
  }
  const refusal = error instanceof HTTPException ? fromHttpException(error) : undefined;
  if (refusal) return refusal;
  log.error({ err: error }, 'unexpected error');
  return new HttpProblem(
    'internal-error',
    'The fault is ours; it is logged under the requestId. The request may be sent again.',
    { cause: error },
  );
}
