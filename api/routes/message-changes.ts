import { createRoute } from '@hono/zod-openapi';
import { findFolderByRole, readFolder, type FolderRow } from '../../db/queries/folders.ts';
import { holdMessage } from '../../db/queries/messages.ts';
import { readAbilities } from '../../db/queries/progress.ts';
import type { Tx } from '../../db/client.ts';
import { withTenant } from '../../db/tenant.ts';
import { keywordsChange } from '../../domain/intent.ts';
import { mailFlags } from '../../domain/mail.ts';
import type { Actor } from '../../domain/read-gate.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { askAndRead, askForChanges, notTheOwner, type Asked } from '../ask-for-changes.ts';
import { actorOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { viewFolders } from '../folder-view.ts';
import { idParams } from '../ids.ts';
import type { OpenedMessage } from '../message-view.ts';
import { invalidField, notFound } from '../problem.ts';
import { openMessage, readOpenedMessage } from '../read-message.ts';
import {
  type ApiApp,
  json,
  jsonBody,
  memberHeader as headers,
  problems,
  tenantKey,
} from '../route-parts.ts';
import {
  messageChange,
  messageChanging,
  messageDeleting,
  type MessageChangeBody,
} from '../schemas/intents.ts';

const tags = ['Mail'];
const params = idParams('message');

const changeRoute = createRoute({
  method: 'patch',
  path: '/v1/messages/{id}',
  summary: 'Change a message at the provider',
  description:
    'Reads show it at once; it is written to the provider within seconds. Where two ask for ' +
    'different things, the last one counts.',
  tags,
  security: tenantKey('mail:write'),
  request: { params, headers, body: jsonBody(messageChange) },
  responses: { 202: json(messageChanging, 'Asked for; the message as it will be'), ...problems },
});

const deleteRoute = createRoute({
  method: 'delete',
  path: '/v1/messages/{id}',
  summary: 'Delete a message for good, at the provider too',
  tags,
  security: tenantKey('mail:write'),
  request: { params, headers },
  responses: { 202: json(messageDeleting, 'Asked for; reads leave it out'), ...problems },
});

export function addMessageChangeRoutes(app: ApiApp, deps: ApiDeps): void {
  app.openapi(changeRoute, async (c) => {
    const actor = actorOf(c);
    const opened = await readOwnMessage(deps, actor, c.req.param('id'));
    const { id, connectionId } = opened.row;
    const change = c.req.valid('json');
    const target = await targetOf(deps, actor, connectionId, change);
    const asked = [...flagsAsked(opened, change, target), ...moveAsked(id, target)];
    await requireNames(deps, { tenantId: actor.tenantId, connectionId }, asked);
    if (Object.keys(change).length === 0) {
      throw invalidField(
        'json',
        'Say what is to change: read, flagged, keywords, folder or trash.',
      );
    }
    const vault = await deps.keyring.vault(actor.tenantId);
    const { intents, shown } = await askAndRead(deps, actor, connectionId, asked, {
      check: (tx) => requireShown(tx, actor.tenantId, id),
      read: (tx) => openMessage(tx, vault, actor, id),
    });
    return c.json({ message: shown.view, intents }, 202);
  });

  app.openapi(deleteRoute, async (c) => {
    const actor = actorOf(c);
    const { row, view } = await readOwnMessage(deps, actor, c.req.param('id'));
    const { id, connectionId } = row;
    const asked: Asked[] = [{ kind: 'delete', messageId: id }];
    const intents = await askForChanges(deps, actor, connectionId, asked, (tx) =>
      requireShown(tx, actor.tenantId, id),
    );
    return c.json({ id: view.id, intents }, 202);
  });
}

/** A message behind the gate that is the actor's own: what the team tracks is read, not changed. */
async function readOwnMessage(
  deps: ApiDeps,
  actor: Actor,
  publicId: string,
): Promise<OpenedMessage> {
  const opened = await readOpenedMessage(deps, actor, publicId);
  if (opened.row.ownerId !== actor.memberId) throw notTheOwner();
  return opened;
}

/** It may have gone, or be another message's twin, since it was read. */
async function requireShown(tx: Tx, tenantId: string, id: string): Promise<void> {
  if (!(await holdMessage(tx, tenantId, id))) throw notFound();
}

function flagsAsked(
  { row, view }: OpenedMessage,
  { read, flagged, keywords }: MessageChangeBody,
  target: Target | undefined,
): Asked[] {
  const flags = [
    { wanted: read, bit: mailFlags.seen },
    { wanted: flagged, bit: mailFlags.flagged },
  ];
  const bits = (wanted: boolean) =>
    flags.reduce((sum, flag) => (flag.wanted === wanted ? sum | flag.bit : sum), 0);
  const wanted = (keywords ?? view.labels).filter((name) => !isLeft(name, target));
  const content = keywordsChange(view.labels, wanted);
  const [addFlags, removeFlags] = [bits(true), bits(false)];
  const { addKeywords, removeKeywords } = content;
  const nothing = addKeywords.length + removeKeywords.length === 0;
  if (nothing && (addFlags | removeFlags) === 0) return [];
  return [
    {
      ...{ kind: 'flags', messageId: row.id, addFlags, removeFlags },
      content: { addKeywords, removeKeywords },
    },
  ];
}

/** Where a message lies in the folder of all mail already, to be moved there is to be archived. */
function isLeft(label: string, target: Target | undefined): boolean {
  return target?.role === 'all' && label === '\\Inbox';
}

function moveAsked(messageId: string, target: Target | undefined): Asked[] {
  return target === undefined ? [] : [{ kind: 'move', messageId, folderId: target.id }];
}

/** All that a keyword can be (RFC 9051 §9, flag-keyword); a label can be any text. */
const keywordPattern = /^[^\s\p{Cc}(){%*"\\\]\u0080-\u{10ffff}]+$/u;

async function requireNames(
  { database }: ApiDeps,
  connection: { tenantId: string; connectionId: string },
  asked: Asked[],
): Promise<void> {
  const added = asked.flatMap(({ content }) => content?.addKeywords ?? []);
  if (added.every((name) => keywordPattern.test(name))) return;
  const abilities = await withTenant(database, connection.tenantId, (tx) =>
    readAbilities(tx, connection),
  );
  if (abilities.includes('labels')) return;
  throw invalidField('keywords', 'Use ASCII without spaces and ( ) { % * " \\ ].');
}

type Target = Pick<FolderRow, 'id' | 'role'>;

async function targetOf(
  { database, keyring }: ApiDeps,
  actor: Actor,
  connectionId: string,
  { folder, trash }: MessageChangeBody,
): Promise<Target | undefined> {
  if (folder !== undefined && trash) throw invalidField('trash', 'Give either folder or trash.');
  if (folder === undefined && !trash) return undefined;
  const vault = await keyring.vault(actor.tenantId);
  return await withTenant(database, actor.tenantId, (tx) =>
    folder === undefined
      ? requireTrash(tx, actor, connectionId)
      : requireFolder(tx, vault, actor, { connectionId, id: folder }),
  );
}

async function requireTrash(tx: Tx, { tenantId }: Actor, connectionId: string): Promise<Target> {
  const id = await findFolderByRole(tx, tenantId, connectionId, 'trash');
  if (id !== undefined) return { id, role: 'trash' };
  throw invalidField('trash', 'The mailbox has no folder for trash. Name one with folder.');
}

async function requireFolder(
  tx: Tx,
  vault: TenantVault,
  actor: Actor,
  { connectionId, id }: { connectionId: string; id: string },
): Promise<Target> {
  const row = await readFolder(tx, actor, id);
  const [view] = row ? await viewFolders(tx, vault, [row]) : [];
  if (row?.connectionId !== connectionId || !view) {
    throw invalidField('folder', 'Names no folder of the message’s mailbox.');
  }
  if (row.excluded) {
    throw invalidField('folder', 'The folder is kept out of the sync: the message would be lost.');
  }
  return row;
}
