import { createRoute } from '@hono/zod-openapi';
import { listFolders } from '../../db/queries/folders.ts';
import { withTenant } from '../../db/tenant.ts';
import { actorOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { viewFolders } from '../folder-view.ts';
import { listKey, listOf, readIdCursor, toPage } from '../pagination.ts';
import { type ApiApp, json, memberHeader as headers, problems, tenantKey } from '../route-parts.ts';
import { folder, folderQuery } from '../schemas/mail.ts';

const listRoute = createRoute({
  method: 'get',
  path: '/v1/folders',
  summary: 'List the folders of the member’s own connections',
  tags: ['Mail'],
  security: tenantKey('mail:read'),
  request: { query: folderQuery, headers },
  responses: { 200: json(listOf(folder), 'A page of folders'), ...problems },
});

export function addFolderRoutes(app: ApiApp, { database, keyring }: ApiDeps): void {
  app.openapi(listRoute, async (c) => {
    const actor = actorOf(c);
    const { connection, limit, cursor } = c.req.valid('query');
    const list = listKey('folders', { connection, memberId: actor.memberId });
    const window = { after: readIdCursor(list, cursor), limit: limit + 1 };
    const vault = await keyring.vault(actor.tenantId);
    const page = await withTenant(database, actor.tenantId, async (tx) => {
      const rows = await listFolders(tx, actor, connection, window);
      const views = await viewFolders(tx, vault, rows);
      const position = ({ id }: { id: string }) => ({ at: '', id });
      const found = toPage(rows, { list, limit, position }, ({ id }) => id);
      const shown = views.slice(0, limit).flatMap((view) => view ?? []);
      return { ...found, data: shown };
    });
    return c.json(page, 200);
  });
}
