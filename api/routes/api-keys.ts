import { createRoute, z } from '@hono/zod-openapi';
import {
  hasOtherFullKey,
  insertApiKey,
  listApiKeys,
  revokeApiKey,
  type ApiKeyRow,
} from '../../db/queries/api-keys.ts';
import { recordAudit } from '../../db/queries/audit.ts';
import { withTenantWrite, withTransition } from '../../db/tenant.ts';
import { toPublicId, uuidv7 } from '../../domain/ids.ts';
import { createAccessKey } from '../../runtime/access-key.ts';
import { auditActor, tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { toInstant } from '../instant.ts';
import { listOf, listQuery, pageById } from '../pagination.ts';
import { requireAdmin, requireHeld, requireKey } from '../permissions.ts';
import { HttpProblem, notFound } from '../problem.ts';
import {
  type ApiApp,
  idempotencyHeader,
  json,
  jsonBody,
  problems,
  tenantKey,
} from '../route-parts.ts';
import { apiKey, createdApiKey, newApiKey } from '../schemas/admin.ts';

const tags = ['Access'];

const createKey = createRoute({
  method: 'post',
  path: '/v1/api-keys',
  summary: 'Create another API key',
  description:
    'To change a key: create one, put it to use, revoke the old one. Without scopes it gets those ' +
    'of the key that asks, and never more.',
  tags,
  security: tenantKey('keys:write'),
  request: { headers: idempotencyHeader, body: jsonBody(newApiKey) },
  responses: { 201: json(createdApiKey, 'The key, shown once'), ...problems },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/api-keys',
  summary: 'List API keys, newest first',
  tags,
  security: tenantKey('keys:read'),
  request: { query: z.strictObject(listQuery) },
  responses: { 200: json(listOf(apiKey), 'A page of API keys'), ...problems },
});

const revokeRoute = createRoute({
  method: 'delete',
  path: '/v1/api-keys/{id}',
  summary: 'Revoke an API key, with the tokens that it made',
  tags,
  security: tenantKey('keys:write'),
  request: { params: idParams('apiKey') },
  responses: { 204: { description: 'Revoked' }, ...problems },
});

export function addApiKeyRoutes(app: ApiApp, { database }: ApiDeps): void {
  app.openapi(createKey, async (c) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    requireKey(principal, 'create API keys');
    requireAdmin(principal, 'create API keys');
    const { label, scopes = [...principal.scopes] } = c.req.valid('json');
    requireHeld(principal, scopes, 'Such a key is made by');
    const id = uuidv7();
    const { key, hash } = createAccessKey('stw');
    const row = await withTenantWrite(database, tenantId, async (tx) => {
      const inserted = await insertApiKey(tx, { id, tenantId, hash, label, scopes });
      const actor = auditActor(principal);
      await recordAudit(tx, { tenantId, actor, action: 'key.created', target: `key:${id}` });
      return inserted;
    });
    return c.json({ ...toView(row), key }, 201);
  });

  app.openapi(listRoute, async (c) => {
    const principal = tenantOf(c);
    requireAdmin(principal, 'see API keys');
    const page = await pageById(
      'api-keys',
      c.req.valid('query'),
      (window) => listApiKeys(database.db, principal.tenantId, window),
      toView,
    );
    return c.json(page, 200);
  });

  app.openapi(revokeRoute, async (c) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    const id = requireId('apiKey', c.req.param('id'));
    requireKey(principal, 'revoke API keys');
    requireAdmin(principal, 'revoke API keys');
    // A transition: two keys must not revoke each other at the same moment.
    await withTransition(database, tenantId, async (tx) => {
      const last = !(await hasOtherFullKey(tx, tenantId, id));
      if (!(await revokeApiKey(tx, tenantId, id))) throw notFound();
      if (last)
        throw new HttpProblem(
          'last-key',
          'Create another key with every scope first, then revoke this one.',
        );
      const actor = auditActor(principal);
      await recordAudit(tx, { tenantId, actor, action: 'key.revoked', target: `key:${id}` });
    });
    return c.body(null, 204);
  });
}

function toView({ id, label, scopes, createdAt, revokedAt }: ApiKeyRow) {
  return {
    id: toPublicId('apiKey', id),
    label,
    scopes,
    createdAt: toInstant(createdAt),
    revokedAt: toInstant(revokedAt),
  };
}
