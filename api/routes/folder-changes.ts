import { createRoute } from '@hono/zod-openapi';
import { readFolder, type FolderRow } from '../../db/queries/folders.ts';
import { withTenant } from '../../db/tenant.ts';
import type { Actor } from '../../domain/read-gate.ts';
import { askForChanges } from '../ask-for-changes.ts';
import { actorOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { viewFolders } from '../folder-view.ts';
import { idParams, requireId } from '../ids.ts';
import { HttpProblem, invalidField, notFound } from '../problem.ts';
import {
  type ApiApp,
  idempotencyHeader,
  json,
  jsonBody,
  memberHeader,
  problems,
  tenantKey,
} from '../route-parts.ts';
import { folderChange, folderChanging, newFolder } from '../schemas/intents.ts';
import type { FolderView } from '../schemas/mail.ts';

const tags = ['Mail'];
const params = idParams('folder');
const responses = { 202: json(folderChanging, 'Asked for; see intents'), ...problems };

const createFolderRoute = createRoute({
  method: 'post',
  path: '/v1/folders',
  summary: 'Make a folder',
  description:
    'Written to the provider within seconds; the intent names the folder when it is there.',
  tags,
  security: tenantKey('mail:write'),
  request: { headers: memberHeader.extend(idempotencyHeader.shape), body: jsonBody(newFolder) },
  responses,
});

const changeRoute = createRoute({
  method: 'patch',
  path: '/v1/folders/{id}',
  summary: 'Rename a folder, or put it elsewhere',
  description: 'Folders inside it go with it.',
  tags,
  security: tenantKey('mail:write'),
  request: { params, headers: memberHeader, body: jsonBody(folderChange) },
  responses,
});

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/folders/{id}',
  summary: 'Delete a folder with all its messages, for good',
  tags,
  security: tenantKey('mail:write'),
  request: { params, headers: memberHeader },
  responses,
});

export function addFolderChangeRoutes(app: ApiApp, deps: ApiDeps): void {
  app.openapi(createFolderRoute, async (c) => {
    const { connectionId, path } = c.req.valid('json');
    const intents = await askForChanges(deps, actorOf(c), connectionId, [
      { kind: 'create-folder', content: { path } },
    ]);
    return c.json({ folder: null, intents }, 202);
  });

  app.openapi(changeRoute, async (c) => {
    const actor = actorOf(c);
    const { row, view } = await readOwnFolder(deps, actor, c.req.param('id'));
    const { path } = c.req.valid('json');
    if (!path) throw invalidField('path', 'Say what the folder’s path is to be.');
    requireNoRole(row);
    if (isInside(path, view.path)) {
      throw invalidField('path', 'A folder can not lie in itself.');
    }
    const intents = await askForChanges(deps, actor, row.connectionId, [
      { kind: 'rename-folder', folderId: row.id, content: { path } },
    ]);
    return c.json({ folder: await readView(deps, actor, row), intents }, 202);
  });

  app.openapi(deleteRoute, async (c) => {
    const actor = actorOf(c);
    const { row } = await readOwnFolder(deps, actor, c.req.param('id'));
    requireNoRole(row);
    const intents = await askForChanges(deps, actor, row.connectionId, [
      { kind: 'delete-folder', folderId: row.id },
    ]);
    return c.json({ folder: null, intents }, 202);
  });
}

function isInside(path: string[], folder: string[]): boolean {
  return path.length > folder.length && folder.every((name, i) => path[i] === name);
}

/** Folders of others are nobody's business, and one that is to be deleted is gone: theirs is a 404. */
async function readOwnFolder(
  deps: ApiDeps,
  actor: Actor,
  publicId: string,
): Promise<{ row: FolderRow; view: FolderView }> {
  const id = requireId('folder', publicId);
  const row = await withTenant(deps.database, actor.tenantId, (tx) => readFolder(tx, actor, id));
  const view = row && (await readView(deps, actor, row));
  if (!row || !view) throw notFound();
  return { row, view };
}

async function readView(
  { database, keyring }: ApiDeps,
  actor: Actor,
  row: FolderRow,
): Promise<FolderView | null> {
  const vault = await keyring.vault(actor.tenantId);
  const [view] = await withTenant(database, actor.tenantId, (tx) => viewFolders(tx, vault, [row]));
  return view ?? null;
}

/** Inbox, Trash and the like are the account's own; mail programs would miss them. */
function requireNoRole({ role }: FolderRow): void {
  if (role === null) return;
  throw new HttpProblem('folder-protected', `The folder is the account’s ${role}; leave it.`);
}
