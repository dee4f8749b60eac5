import { createRoute, z } from '@hono/zod-openapi';
import { listConnections } from '../../db/queries/connections.ts';
import { readMember } from '../../db/queries/members.ts';
import { withTenant } from '../../db/tenant.ts';
import { connectAccount } from '../connect-account.ts';
import { readConnectionProgress } from '../connection-progress.ts';
import { viewConnection } from '../connection-view.ts';
import { auditActor, tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { listOf, listQuery, pageById } from '../pagination.ts';
import { requireOwnOrAdmin } from '../permissions.ts';
import { absentOwner } from '../problem.ts';
import { enforce, type RateLimiter } from '../rate-limit.ts';
import { readConnectionView } from '../read-connection.ts';
import {
  type ApiApp,
  idempotencyHeader,
  json,
  jsonBody,
  problems,
  tenantKey,
} from '../route-parts.ts';
import { connection, newConnection } from '../schemas/connections.ts';
import { nudge } from '../workflow-control.ts';

const tags = ['Connections'];

const createConnection = createRoute({
  method: 'post',
  path: '/v1/connections',
  summary: 'Connect an IMAP account',
  description:
    'Proves the login before anything is kept. The same account again answers 409 with the id of ' +
    'the connection; after a disconnect it is taken up again where it stopped, with the settings ' +
    'that it had, as far as they are left out.',
  tags,
  security: tenantKey('connections:write'),
  request: { headers: idempotencyHeader, body: jsonBody(newConnection) },
  responses: { 201: json(connection, 'Connected; the import has begun'), ...problems },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/connections',
  summary: 'List connections, newest first',
  tags,
  security: tenantKey('connections:read'),
  request: { query: z.strictObject(listQuery) },
  responses: { 200: json(listOf(connection), 'A page of connections'), ...problems },
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/connections/{id}',
  summary: 'State and progress of a connection',
  tags,
  security: tenantKey('connections:read'),
  request: { params: idParams('connection') },
  responses: { 200: json(connection, 'The connection'), ...problems },
});

export function addConnectionRoutes(app: ApiApp, deps: ApiDeps, connects: RateLimiter): void {
  const { database, keyring, options } = deps;

  app.openapi(createConnection, async (c) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    const body = c.req.valid('json');
    const owner = await withTenant(database, tenantId, (tx) =>
      readMember(tx, tenantId, body.memberId),
    );
    if (!owner || owner.leftAt !== null) throw absentOwner();
    requireOwnOrAdmin(principal, body.memberId);
    enforce(c, connects.take(tenantId), 'connects');
    const id = await connectAccount(deps, tenantId, body, auditActor(principal));
    await nudge(deps, { tenantId, connectionId: id, provider: 'imap', capability: 'mail' });
    return c.json(await readConnectionView(deps, principal, id), 201);
  });

  app.openapi(listRoute, async (c) => {
    const { tenantId, member } = tenantOf(c);
    const context = { vault: await keyring.vault(tenantId), options, memberId: member?.id };
    const page = await pageById(
      'connections',
      c.req.valid('query'),
      (window) =>
        withTenant(database, tenantId, async (tx) => {
          const rows = await listConnections(tx, tenantId, window);
          const ids = rows.map(({ id }) => id);
          const progressOf = await readConnectionProgress(tx, tenantId, ids);
          return rows.map((row) => ({ ...row, beside: progressOf(row.id) }));
        }),
      (row) => viewConnection(context, row, row.beside),
    );
    return c.json(page, 200);
  });

  app.openapi(readRoute, async (c) => {
    const id = requireId('connection', c.req.param('id'));
    return c.json(await readConnectionView(deps, tenantOf(c), id), 200);
  });
}
