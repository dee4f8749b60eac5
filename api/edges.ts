import type { Context, MiddlewareHandler } from 'hono';
import type { HTTPException } from 'hono/http-exception';
import type { ApiEnv } from './context.ts';
import { HttpProblem, notFound, type ProblemCode } from './problem.ts';
import type { ApiApp } from './route-parts.ts';

const methodsWithBody = new Set(['POST', 'PUT', 'PATCH']);

/** With parameters or a suffix it is JSON all the same, whatever spaces are around them. */
const jsonPattern = /^application\/([\w.-]+\+)?json\s*(;|$)/i;

/**
 * Bodies are JSON; another type would reach the schema as nothing and be explained badly. What is JSON
 * goes on under its plain name: those behind this know fewer ways to write it.
 */
export const requireJson: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const type = c.req.header('Content-Type');
  const json = type !== undefined && jsonPattern.test(type);
  if (methodsWithBody.has(c.req.method) && !json && (await c.req.text()) !== '') {
    throw notJson();
  }
  if (json) c.req.raw.headers.set('Content-Type', 'application/json');
  return await next();
};

const notJson = () =>
  new HttpProblem('unsupported-media-type', 'Send Content-Type: application/json.');

/** What the framework refuses, by its status; undefined when it is the framework's own fault. */
export function fromHttpException({ status }: HTTPException): HttpProblem | undefined {
  if (status === 415) return notJson();
  if (status === 400) {
    return new HttpProblem('invalid-request', 'The body is not valid JSON.', {
      errors: [{ field: 'json', message: 'Must be valid JSON.' }],
    });
  }
  if (status >= 500) return undefined;
  const code = codeOfStatus[status] ?? 'invalid-request';
  return new HttpProblem(code, 'The request can not be carried out as it was sent.');
}

const codeOfStatus: Readonly<Record<number, ProblemCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  413: 'payload-too-large',
  429: 'rate-limited',
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
