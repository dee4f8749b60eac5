import { createRoute } from '@hono/zod-openapi';
import { readConnection } from '../../db/queries/connections.ts';
import { listIntents } from '../../db/queries/intents.ts';
import { withTenant } from '../../db/tenant.ts';
import { tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { viewIntent } from '../intent-view.ts';
import { listKey, listOf, readCursor, toPage } from '../pagination.ts';
import { notFound } from '../problem.ts';
import { type ApiApp, json, problems, tenantKey } from '../route-parts.ts';
import { intent, intentQuery } from '../schemas/intents.ts';

const listRoute = createRoute({
  method: 'get',
  path: '/v1/connections/{id}/intents',
  summary: 'Changes that were asked for, newest first',
  description: 'Those that wait, and for 30 days those that are done or were refused, and why.',
  tags: ['Connections'],
  security: tenantKey('connections:read'),
  request: { params: idParams('connection'), query: intentQuery },
  responses: { 200: json(listOf(intent), 'A page of intents'), ...problems },
});

export function addIntentRoutes(app: ApiApp, { database, keyring }: ApiDeps): void {
  app.openapi(listRoute, async (c) => {
    const { tenantId, member } = tenantOf(c);
    const connectionId = requireId('connection', c.req.param('id'));
    const { limit, cursor, state } = c.req.valid('query');
    const list = listKey('intents', { connectionId, state });
    const window = { after: readCursor(list, cursor), limit: limit + 1 };
    const vault = await keyring.vault(tenantId);
    const { rows, ownerId } = await withTenant(database, tenantId, async (tx) => {
      const connection = await readConnection(tx, tenantId, connectionId);
      if (!connection) throw notFound();
      const found = await listIntents(tx, { tenantId, connectionId }, state, window);
      return { rows: found, ownerId: connection.memberId };
    });
    const position = (row: (typeof rows)[number]) => ({ at: row.createdAt, id: row.id });
    const page = toPage(rows, { list, limit, position }, (row) =>
      viewIntent(vault, row, { connectionId, own: member?.id === ownerId }),
    );
    return c.json(page, 200);
  });
}
