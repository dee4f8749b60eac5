import { z, type OpenAPIHono, type RouteConfig } from '@hono/zod-openapi';
import type { Scope } from '../domain/scope.ts';
import type { ApiEnv } from './context.ts';

/** Every group of routes is a function that adds itself to the app. */
export type ApiApp = OpenAPIHono<ApiEnv>;

const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    requestId: z.string(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    provider: z.string().optional(),
    providerStatus: z.string().optional(),
    retryAt: z.iso.datetime().optional(),
  })
  .openapi('Problem', { description: 'RFC 9457, with a stable code.' });

/** What any route may answer besides what it is for. */
export const problems = {
  '4XX': {
    description: 'The request can not be carried out; code says why.',
    content: { 'application/problem+json': { schema: problem } },
  },
  '5XX': {
    description: 'Steward or the provider can not answer now.',
    content: { 'application/problem+json': { schema: problem } },
  },
};

/** A JSON answer in the document. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** A JSON body that must be there. */
export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true, content: { 'application/json': { schema } } };
}

/** Header of routes that act for a member; the middleware has checked it. */
export const memberHeader = z.object({
  'steward-member': z.string().optional().openapi({
    description: 'The acting member, mbr_…; required.',
    example: 'mbr_0199a3c45b7e7d12a4c1f0e2d3b4a596',
  }),
});

/** Header of routes that create. */
export const idempotencyHeader = z.object({
  'idempotency-key': z
    .string()
    .optional()
    .openapi({
      description:
        'Makes a retry safe: the same key with the same query and body answers the same, for 24 h, and ' +
        'is never carried out twice (409 idempotency-answer-lost when the answer could not be kept).',
    }),
});

/**
 * Stated by a POST that a second time changes nothing: it takes an Idempotency-Key and is carried out
 * again. For answers that show mail, which must not outlive it in a copy.
 */
export const repeatable = { 'x-repeatable': true } as const;

export function isRepeatable(route: RouteConfig | undefined): boolean {
  return route !== undefined && 'x-repeatable' in route;
}

/** A route for tenants' keys and tokens that hold the scope; `require-scopes.ts` asks for it. */
export const tenantKey = (scope: Scope) => [{ tenantKey: [scope] }];

export const operatorKey = [{ operatorKey: [] }];
