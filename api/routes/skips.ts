import { createRoute, z } from '@hono/zod-openapi';
import { readLicence, withFence } from '../../db/fence.ts';
import { recordAudit } from '../../db/queries/audit.ts';
import { readConnection } from '../../db/queries/connections.ts';
import { listSkips, resetStrikes } from '../../db/queries/skips.ts';
import { withTenant } from '../../db/tenant.ts';
import { toPublicId } from '../../domain/ids.ts';
import { auditActor, tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, publicId, requireId } from '../ids.ts';
import { toInstant } from '../instant.ts';
import { listKey, listOf, listQuery, readCursor, toPage } from '../pagination.ts';
import { requireOwnOrAdmin } from '../permissions.ts';
import { disconnected, notFound } from '../problem.ts';
import { readConnectionView } from '../read-connection.ts';
import { type ApiApp, json, problems, tenantKey } from '../route-parts.ts';
import { accepted, skip } from '../schemas/connections.ts';
import { nudge } from '../workflow-control.ts';

const listRoute = createRoute({
  method: 'get',
  path: '/v1/connections/{id}/skips',
  summary: 'Items that were not stored, with the reason',
  tags: ['Connections'],
  security: tenantKey('connections:read'),
  request: { params: idParams('connection'), query: z.strictObject(listQuery) },
  responses: { 200: json(listOf(skip), 'A page of skips'), ...problems },
});

const retryRoute = createRoute({
  method: 'post',
  path: '/v1/connections/{id}/skips/{skip}/retry',
  summary: 'Try an item that was not stored again',
  description: 'It has all its tries again, from the next look on, which comes at once.',
  tags: ['Connections'],
  security: tenantKey('connections:write'),
  request: {
    params: idParams('connection').extend({
      skip: publicId('skip').openapi({ param: { name: 'skip', in: 'path' } }),
    }),
  },
  responses: { 202: json(accepted, 'Accepted; look at statusUrl'), ...problems },
});

export function addSkipRoutes(app: ApiApp, deps: ApiDeps): void {
  const { database } = deps;

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
  app.openapi(retryRoute, async (c) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    const connectionId = requireId('connection', c.req.param('id'));
    const id = requireId('skip', c.req.param('skip'));
    const key = { tenantId, connectionId, capability: 'mail' } as const;
    const row = await withTenant(database, tenantId, (tx) =>
      readConnection(tx, tenantId, connectionId),
    );
    const licence = await readLicence(database.db, key);
    if (!row || !licence) throw notFound();
    requireOwnOrAdmin(principal, row.memberId);
    await withFence(database, licence, async (tx, wanted) => {
      if (wanted === 'disconnected') throw disconnected();
      if (!(await resetStrikes(tx, { tenantId, connectionId, id }))) throw notFound();
      const [actor, target] = [auditActor(principal), `skip:${id}`];
      await recordAudit(tx, { tenantId, actor, action: 'skip.retried', target });
    });
    await nudge(deps, { ...key, provider: 'imap' });
    const { id: publicConnectionId, state } = await readConnectionView(
      deps,
      principal,
      connectionId,
    );
    const statusUrl = `/v1/connections/${publicConnectionId}/skips`;
    return c.json({ id: publicConnectionId, state, statusUrl }, 202);
  });
}
