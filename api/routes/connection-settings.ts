import { createRoute } from '@hono/zod-openapi';
import { readConnection } from '../../db/queries/connections.ts';
import { listSenderAddresses } from '../../db/queries/own-addresses.ts';
import { withTenant } from '../../db/tenant.ts';
import type { ConnectionProfile } from '../../domain/connection.ts';
import { normaliseAddress } from '../../domain/mail.ts';
import { openJson } from '../../domain/sealed-json.ts';
import { changeSettings } from '../change-connection.ts';
import { tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { listOf } from '../pagination.ts';
import { notFound } from '../problem.ts';
import { enforce, type RateLimiter } from '../rate-limit.ts';
import { readConnectionView } from '../read-connection.ts';
import { type ApiApp, json, jsonBody, problems, tenantKey } from '../route-parts.ts';
import { connection, connectionChange, ownAddress } from '../schemas/connections.ts';
import { nudge } from '../workflow-control.ts';

const tags = ['Connections'];
const params = idParams('connection');

const changeRoute = createRoute({
  method: 'patch',
  path: '/v1/connections/{id}',
  summary: 'Renew credentials, or change what is synced',
  description:
    'New credentials are proven by a login and must be the same account’s. Whatever changes, ' +
    'sessions opened under the old settings end, and the connection looks again at once.',
  tags,
  security: tenantKey('connections:write'),
  request: { params, body: jsonBody(connectionChange) },
  responses: { 200: json(connection, 'The connection as it is now'), ...problems },
});

const addressesRoute = createRoute({
  method: 'get',
  path: '/v1/connections/{id}/addresses',
  summary: 'The account’s own address and the aliases it sends from',
  description:
    'Aliases are read from the newest messages in the sent folder, and shown to the ' +
    'connection’s own member only. One page.',
  tags,
  security: tenantKey('connections:read'),
  request: { params },
  responses: { 200: json(listOf(ownAddress), 'Addresses'), ...problems },
});

export function addConnectionSettingRoutes(
  app: ApiApp,
  deps: ApiDeps,
  connects: RateLimiter,
): void {
  const { database, keyring } = deps;

  app.openapi(changeRoute, async (c) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    const id = requireId('connection', c.req.param('id'));
    const body = c.req.valid('json');
    // A login is tried against a host that the caller names, like at a connect.
    if (body.imap) enforce(c, connects.take(tenantId), 'connects');
    await changeSettings(deps, principal, id, body);
    await nudge(deps, { tenantId, connectionId: id, provider: 'imap', capability: 'mail' });
    return c.json(await readConnectionView(deps, principal, id), 200);
  });

  app.openapi(addressesRoute, async (c) => {
    const { tenantId, member } = tenantOf(c);
    const id = requireId('connection', c.req.param('id'));
    const vault = await keyring.vault(tenantId);
    const { row, senders } = await withTenant(database, tenantId, async (tx) => {
      const found = await readConnection(tx, tenantId, id);
      if (!found) throw notFound();
      const own = found.memberId === member?.id;
      const key = { tenantId, connectionId: id };
      return { row: found, senders: own ? await listSenderAddresses(tx, key) : [] };
    });
    const place = { table: 'connections', column: 'profile', rowId: id };
    const { address } = openJson<ConnectionProfile>(vault, place, row.profile);
    const aliases = senders
      .map((sender) => {
        const at = { table: 'addresses', column: 'address', rowId: sender.id };
        return openJson<{ address: string }>(vault, at, sender.address).address;
      })
      .filter((alias) => normaliseAddress(alias) !== normaliseAddress(address))
      .toSorted();
    const data = [
      { address, kind: 'account' as const },
      ...aliases.map((alias) => ({ address: alias, kind: 'alias' as const })),
    ];
    return c.json({ data, nextCursor: null }, 200);
  });
}
