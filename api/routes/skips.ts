import { createRoute, z } from '@hono/zod-openapi';
import { readConnection } from '../../db/queries/connections.ts';
import { listSkips } from '../../db/queries/skips.ts';
import { withTenant } from '../../db/tenant.ts';
import { toPublicId } from '../../domain/ids.ts';
import { tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { toInstant } from '../message-view.ts';
import { listKey, listOf, listQuery, readCursor, toPage } from '../pagination.ts';
import { notFound } from '../problem.ts';
import { type ApiApp, json, problems, tenantSecurity as security } from '../route-parts.ts';
import { skip } from '../schemas/connections.ts';

const listRoute = createRoute({
  method: 'get',
  path: '/v1/connections/{id}/skips',
  summary: 'Items that were not stored, with the reason',
  tags: ['Connections'],
  security,
  request: { params: idParams('connection'), query: z.strictObject(listQuery) },
  responses: { 200: json(listOf(skip), 'A page of skips'), ...problems },
});

export function addSkipRoutes(app: ApiApp, { database }: ApiDeps): void {
  app.openapi(listRoute, async (c) => {
    const { tenantId } = tenantOf(c);
    const connectionId = requireId('connection', c.req.param('id'));
    const { limit, cursor } = c.req.valid('query');
    const list = listKey('skips', { connectionId });
    const window = { after: readCursor(list, cursor), limit: limit + 1 };
    const rows = await withTenant(database, tenantId, async (tx) => {
      if (!(await readConnection(tx, tenantId, connectionId))) throw notFound();
      return await listSkips(tx, { tenantId, connectionId }, window);
    });
    const position = (row: (typeof rows)[number]) => ({ at: row.createdAt, id: row.id });
    const page = toPage(rows, { list, limit, position }, (row) => ({
      id: toPublicId('skip', row.id),
      connectionId: toPublicId('connection', connectionId),
      folderId: toPublicId('folder', row.folderId),
      uid: Number(row.uid),
      uidValidity: row.uidValidity,
      reason: row.reason,
      strikes: row.strikes,
      quarantinedAt: toInstant(row.quarantinedAt),
      createdAt: toInstant(row.createdAt),
    }));
    return c.json(page, 200);
  });
}
