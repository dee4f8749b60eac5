import { createRoute, z } from '@hono/zod-openapi';
import { insertApiKey } from '../../db/queries/api-keys.ts';
import { recordAudit } from '../../db/queries/audit.ts';
import { insertTenant, listTenants, readTenant, type TenantRow } from '../../db/queries/tenants.ts';
import { scopes } from '../../domain/scope.ts';
import { withTenantWrite } from '../../db/tenant.ts';
import { systemTenantId, toPublicId, uuidv7 } from '../../domain/ids.ts';
import { createAccessKey } from '../../runtime/access-key.ts';
import { auditActor } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { toInstant } from '../instant.ts';
import { listOf, listQuery, pageById } from '../pagination.ts';
import { notFound } from '../problem.ts';
import {
  type ApiApp,
  idempotencyHeader,
  json,
  jsonBody,
  operatorKey,
  problems,
} from '../route-parts.ts';
import { createdTenant, newTenant, tenant } from '../schemas/admin.ts';

const tags = ['Administration'];

const createTenant = createRoute({
  method: 'post',
  path: '/v1/admin/tenants',
  summary: 'Create a tenant with its first API key',
  tags,
  security: operatorKey,
  request: { headers: idempotencyHeader, body: jsonBody(newTenant) },
  responses: { 201: json(createdTenant, 'The tenant and its key, shown once'), ...problems },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/admin/tenants',
  summary: 'List tenants, newest first',
  tags,
  security: operatorKey,
  request: { query: z.strictObject(listQuery) },
  responses: { 200: json(listOf(tenant), 'A page of tenants'), ...problems },
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/admin/tenants/{id}',
  summary: 'Read a tenant',
  tags,
  security: operatorKey,
  request: { params: idParams('tenant') },
  responses: { 200: json(tenant, 'The tenant'), ...problems },
});

export function addTenantRoutes(app: ApiApp, { database, keyring }: ApiDeps): void {
  const { db } = database;

  app.openapi(createTenant, async (c) => {
    const { name, region } = c.req.valid('json');
    const id = uuidv7();
    const keyId = uuidv7();
    const { key, hash } = createAccessKey('stw');
    // Keys first: without a tenant they are unused bytes, a tenant without keys could not work.
    await keyring.create(id);
    const row = await withTenantWrite(database, systemTenantId, async (tx) => {
      const inserted = await insertTenant(tx, { id, name, region: region ?? null });
      await insertApiKey(tx, { id: keyId, tenantId: id, hash, scopes });
      const actor = auditActor(c.get('principal')!);
      const entry = { tenantId: id, actor };
      await recordAudit(tx, { ...entry, action: 'tenant.created', target: `tenant:${id}` });
      await recordAudit(tx, { ...entry, action: 'key.created', target: `key:${keyId}` });
      return inserted;
    });
    const apiKey = { id: toPublicId('apiKey', keyId), key };
    return c.json({ ...toView(row), apiKey }, 201);
  });

  app.openapi(listRoute, async (c) => {
    const page = await pageById(
      'tenants',
      c.req.valid('query'),
      (window) => listTenants(db, window),
      toView,
    );
    return c.json(page, 200);
  });

  app.openapi(readRoute, async (c) => {
    const row = await readTenant(db, requireId('tenant', c.req.param('id')));
    if (!row) throw notFound();
    return c.json(toView(row), 200);
  });
}

function toView({ id, name, region, state, createdAt }: TenantRow) {
  return { id: toPublicId('tenant', id), name, region, state, createdAt: toInstant(createdAt) };
}
