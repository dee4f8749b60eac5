import { createRoute, z } from '@hono/zod-openapi';
import { recordAudit } from '../../db/queries/audit.ts';
import {
  insertOperator,
  listOperators,
  revokeOperator,
  type OperatorRow,
} from '../../db/queries/operators.ts';
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
import { createdOperator, newOperator, operator } from '../schemas/admin.ts';

const tags = ['Administration'];

const createOperator = createRoute({
  method: 'post',
  path: '/v1/admin/operators',
  summary: 'Create an operator',
  tags,
  security: operatorKey,
  request: { headers: idempotencyHeader, body: jsonBody(newOperator) },
  responses: { 201: json(createdOperator, 'The operator and the key, shown once'), ...problems },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/admin/operators',
  summary: 'List operators, newest first',
  tags,
  security: operatorKey,
  request: { query: z.strictObject(listQuery) },
  responses: { 200: json(listOf(operator), 'A page of operators'), ...problems },
});

const revokeRoute = createRoute({
  method: 'delete',
  path: '/v1/admin/operators/{id}',
  summary: 'Revoke an operator’s key',
  tags,
  security: operatorKey,
  request: { params: idParams('operator') },
  responses: { 204: { description: 'Revoked' }, ...problems },
});

export function addOperatorRoutes(app: ApiApp, { database }: ApiDeps): void {
  const { db } = database;

  app.openapi(createOperator, async (c) => {
    const { name } = c.req.valid('json');
    const id = uuidv7();
    const { key, hash } = createAccessKey('op');
    const row = await withTenantWrite(database, systemTenantId, async (tx) => {
      const inserted = await insertOperator(tx, { id, name, keyHash: hash });
      await recordAudit(tx, {
        tenantId: null,
        actor: auditActor(c.get('principal')!),
        action: 'operator.created',
        target: `operator:${id}`,
      });
      return inserted;
    });
    return c.json({ ...toView(row), key }, 201);
  });

  app.openapi(listRoute, async (c) => {
    const page = await pageById(
      'operators',
      c.req.valid('query'),
      (window) => listOperators(db, window),
      toView,
    );
    return c.json(page, 200);
  });

  app.openapi(revokeRoute, async (c) => {
    const id = requireId('operator', c.req.param('id'));
    await withTenantWrite(database, systemTenantId, async (tx) => {
      if (!(await revokeOperator(tx, id))) throw notFound();
      await recordAudit(tx, {
        tenantId: null,
        actor: auditActor(c.get('principal')!),
        action: 'operator.revoked',
        target: `operator:${id}`,
      });
    });
    return c.body(null, 204);
  });
}

function toView({ id, name, createdAt, revokedAt }: OperatorRow) {
  return {
    id: toPublicId('operator', id),
    name,
    createdAt: toInstant(createdAt),
    revokedAt: toInstant(revokedAt),
  };
}
