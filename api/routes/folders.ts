import { createRoute } from '@hono/zod-openapi';
import { listFolders } from '../../db/queries/folders.ts';
import { withTenant } from '../../db/tenant.ts';
import type { FolderName } from '../../domain/connection.ts';
import { toPublicId } from '../../domain/ids.ts';
import { openJson } from '../../domain/sealed-json.ts';
import { actorOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { listKey, listOf, readCursor, toPage } from '../pagination.ts';
import {
  type ApiApp,
  json,
  memberHeader as headers,
  problems,
  tenantSecurity as security,
} from '../route-parts.ts';
import { folder, folderQuery } from '../schemas/mail.ts';

const listRoute = createRoute({
  method: 'get',
  path: '/v1/folders',
  summary: 'List the folders of the member’s own connections',
  tags: ['Mail'],
  security,
  request: { query: folderQuery, headers },
  responses: { 200: json(listOf(folder), 'A page of folders'), ...problems },
});

export function addFolderRoutes(app: ApiApp, { database, keyring }: ApiDeps): void {
  app.openapi(listRoute, async (c) => {
    const actor = actorOf(c);
    const { connection, limit, cursor } = c.req.valid('query');
    const list = listKey('folders', { connection, memberId: actor.memberId });
    const window = { after: readCursor(list, cursor), limit: limit + 1 };
    const vault = await keyring.vault(actor.tenantId);
    const rows = await withTenant(database, actor.tenantId, (tx) =>
      listFolders(tx, actor, connection, window),
    );
    const position = ({ id }: { id: string }) => ({ at: '', id });
    const page = toPage(rows, { list, limit, position }, (row) => {
      const place = { table: 'folders', column: 'name', rowId: row.id };
      const { path } = openJson<FolderName>(vault, place, row.name);
      return {
        id: toPublicId('folder', row.id),
        connectionId: toPublicId('connection', row.connectionId),
        name: path.at(-1) ?? '',
        path,
        role: row.role,
        excluded: row.excluded,
        stored: row.stored,
        expected: row.expected,
        uidValidity: row.uidValidity,
      };
    });
    return c.json(page, 200);
  });
}
