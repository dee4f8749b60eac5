import { createRoute } from '@hono/zod-openapi';
import { readLicence, withFence } from '../../db/fence.ts';
import { recordAudit } from '../../db/queries/audit.ts';
import { listMessages, markTracked, readMessageBody } from '../../db/queries/messages.ts';
import { withTenant } from '../../db/tenant.ts';
import { toPublicId } from '../../domain/ids.ts';
import { normaliseAddress, type MessageBody } from '../../domain/mail.ts';
import { mayRead } from '../../domain/read-gate.ts';
import { openJson } from '../../domain/sealed-json.ts';
import { actorOf, auditActor, tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { openMessages, toDetail } from '../message-view.ts';
import { readOpenedMessage } from '../read-message.ts';
import { listKey, listOf, readCursor, toPage } from '../pagination.ts';
import { invalidField, notFound } from '../problem.ts';
import {
  type ApiApp,
  idempotencyHeader,
  json,
  jsonBody,
  memberHeader,
  problems,
  repeatable,
  tenantKey,
} from '../route-parts.ts';
import {
  message,
  messageBody,
  messageDetail,
  messageQuery,
  trackRequest,
} from '../schemas/mail.ts';

const tags = ['Mail'];
const params = idParams('message');
const noContacts = 'Contacts are not synced yet.';

const listRoute = createRoute({
  method: 'get',
  path: '/v1/messages',
  summary: 'List messages, newest first',
  description: 'The mail of the member’s own connections and what the team tracks. No full text.',
  tags,
  security: tenantKey('mail:read'),
  request: { query: messageQuery, headers: memberHeader },
  responses: { 200: json(listOf(message), 'A page of messages'), ...problems },
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/messages/{id}',
  summary: 'Read a message',
  tags,
  security: tenantKey('mail:read'),
  request: { params, headers: memberHeader },
  responses: { 200: json(messageDetail, 'The message with all its headers'), ...problems },
});

const bodyRoute = createRoute({
  method: 'get',
  path: '/v1/messages/{id}/body',
  summary: 'Read the text of a message',
  tags,
  security: tenantKey('mail:read'),
  request: { params, headers: memberHeader },
  responses: { 200: json(messageBody, 'Plain text and HTML'), ...problems },
});

const trackRoute = createRoute({
  method: 'post',
  path: '/v1/messages/{id}/track',
  summary: 'Make a message visible to the team',
  description:
    'Safe to repeat by itself, with an Idempotency-Key or without: the message is tracked once, and ' +
    'the answer shows it as it is by then.',
  ...repeatable,
  tags,
  security: tenantKey('mail:write'),
  request: {
    params,
    headers: memberHeader.extend(idempotencyHeader.shape),
    body: jsonBody(trackRequest),
  },
  responses: { 200: json(message, 'The message, tracked'), ...problems },
});

export function addMessageRoutes(app: ApiApp, deps: ApiDeps): void {
  const { database, keyring } = deps;

  app.openapi(listRoute, async (c) => {
    const actor = actorOf(c);
    const { limit, cursor, contact, address, ...query } = c.req.valid('query');
    if (contact !== undefined) throw invalidField('contact', `${noContacts} Filter by address.`);
    const vault = await keyring.vault(actor.tenantId);
    const filters = {
      connectionId: query.connection,
      threadId: query.thread,
      addressId: address && vault.index('address', normaliseAddress(address)),
      folderId: query.folder,
      after: query.after === undefined ? undefined : new Date(query.after),
      before: query.before === undefined ? undefined : new Date(query.before),
      tracked: query.tracked,
    };
    const list = listKey('messages', { ...filters, memberId: actor.memberId });
    const window = { after: readCursor(list, cursor), limit: limit + 1 };
    const page = await withTenant(database, actor.tenantId, async (tx) => {
      const rows = await listMessages(tx, actor, filters, window);
      const opened = await openMessages(tx, vault, actor, rows);
      const position = (item: (typeof opened)[number]) => ({
        at: item.row.receivedAt,
        id: item.row.id,
      });
      return toPage(opened, { list, limit, position }, ({ view }) => view);
    });
    return c.json(page, 200);
  });

  app.openapi(readRoute, async (c) => {
    const opened = await readOpenedMessage(deps, actorOf(c), c.req.param('id'));
    return c.json(toDetail(opened), 200);
  });

  app.openapi(bodyRoute, async (c) => {
    const actor = actorOf(c);
    const id = requireId('message', c.req.param('id'));
    const row = await withTenant(database, actor.tenantId, (tx) => readMessageBody(tx, actor, id));
    if (!row || !mayRead(actor, { ...row, tenantId: actor.tenantId })) throw notFound();
    const vault = await keyring.vault(actor.tenantId);
    const place = { table: 'messages', column: 'body', rowId: id };
    const { text, html } = openJson<MessageBody>(vault, place, row.body);
    return c.json({ id: toPublicId('message', id), text, html }, 200);
  });

  app.openapi(trackRoute, async (c) => {
    if (c.req.valid('json').contact !== undefined) {
      throw invalidField('contact', `${noContacts} Leave it out.`);
    }
    const { row, view } = await readOpenedMessage(deps, actorOf(c), c.req.param('id'));
    const principal = tenantOf(c);
    if (!view.tracked) await track(deps, principal.tenantId, row, auditActor(principal));
    return c.json({ ...view, tracked: true }, 200);
  });
}

async function track(
  { database }: ApiDeps,
  tenantId: string,
  { id, connectionId }: { id: string; connectionId: string },
  actor: string,
): Promise<void> {
  const licence = await readLicence(database.db, { tenantId, connectionId, capability: 'mail' });
  if (!licence) throw notFound();
  await withFence(database, licence, async (tx) => {
    if (!(await markTracked(tx, tenantId, id))) return;
    await recordAudit(tx, { tenantId, actor, action: 'message.tracked', target: `message:${id}` });
  });
}
