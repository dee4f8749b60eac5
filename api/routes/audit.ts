import { createRoute, z } from '@hono/zod-openapi';
import { listAuditEntries, type AuditEntryRow } from '../../db/queries/audit-entries.ts';
import { viewAuditName } from '../audit-view.ts';
import { tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idSchema } from '../ids.ts';
import { toPublicId } from '../../domain/ids.ts';
import { toInstant } from '../instant.ts';
import { listKey, listOf, listQuery, readChainCursor, writeChainCursor } from '../pagination.ts';
import { requireAdmin } from '../permissions.ts';
import { type ApiApp, json, operatorKey, problems, tenantKey } from '../route-parts.ts';
import { adminAuditEntry, auditEntry } from '../schemas/admin.ts';

const listRoute = createRoute({
  method: 'get',
  path: '/v1/audit',
  summary: 'What was done in the tenant, newest first',
  tags: ['Access'],
  security: tenantKey('audit:read'),
  request: { query: z.strictObject(listQuery) },
  responses: { 200: json(listOf(auditEntry), 'A page of entries'), ...problems },
});

const adminListRoute = createRoute({
  method: 'get',
  path: '/v1/admin/audit',
  summary: 'What was done in the installation, or in one tenant, newest first',
  tags: ['Administration'],
  security: operatorKey,
  request: { query: z.strictObject({ tenant: idSchema('tenant').optional(), ...listQuery }) },
  responses: { 200: json(listOf(adminAuditEntry), 'A page of entries'), ...problems },
});

export function addAuditRoutes(app: ApiApp, { database: { db } }: ApiDeps): void {
  const pageOf = async <Item>(
    tenantId: string | undefined,
    { limit, cursor }: { limit: number; cursor?: string | undefined },
    toItem: (row: AuditEntryRow) => Item,
  ) => {
    const list = listKey('audit', { tenantId });
    const below = readChainCursor(list, cursor);
    const rows = await listAuditEntries(db, tenantId, { below, limit: limit + 1 });
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const more = rows.length > limit && last !== undefined;
    const nextCursor = more ? writeChainCursor(list, last.position) : null;
    return { data: shown.map(toItem), nextCursor };
  };

  app.openapi(listRoute, async (c) => {
    const principal = tenantOf(c);
    requireAdmin(principal, 'read the audit log');
    return c.json(await pageOf(principal.tenantId, c.req.valid('query'), toView), 200);
  });

  app.openapi(adminListRoute, async (c) => {
    const { tenant, ...query } = c.req.valid('query');
    const toItem = (row: AuditEntryRow) => ({
      ...toView(row),
      tenantId: row.tenantId === null ? null : toPublicId('tenant', row.tenantId),
    });
    return c.json(await pageOf(tenant, query, toItem), 200);
  });
}

function toView({ position, at, action, actor, target }: AuditEntryRow) {
  return {
    position,
    at: toInstant(at),
    action,
    actor: viewAuditName(actor),
    target: viewAuditName(target),
  };
}
