import { createRoute, z } from '@hono/zod-openapi';
import { listThreadMessages, listThreads } from '../../db/queries/threads.ts';
import { withTenant } from '../../db/tenant.ts';
import { toPublicId } from '../../domain/ids.ts';
import { actorOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, idSchema, requireId } from '../ids.ts';
import { toInstant } from '../instant.ts';
import { openMessages } from '../message-view.ts';
import { listKey, listOf, listQuery, readCursor, toPage } from '../pagination.ts';
import { notFound } from '../problem.ts';
import { type ApiApp, json, memberHeader as headers, problems, tenantKey } from '../route-parts.ts';
import { thread, threadDetail } from '../schemas/mail.ts';

/** Longer threads are read through `/v1/messages?thread=`, page by page. */
const threadMessagesMax = 200;

const tags = ['Mail'];
const threadQuery = z.strictObject({ connection: idSchema('connection').optional(), ...listQuery });

const listRoute = createRoute({
  method: 'get',
  path: '/v1/threads',
  summary: 'List threads by their newest message',
  tags,
  security: tenantKey('mail:read'),
  request: { query: threadQuery, headers },
  responses: { 200: json(listOf(thread), 'A page of threads'), ...problems },
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/threads/{id}',
  summary: 'Read a thread',
  description: `Up to ${threadMessagesMax} messages; longer ones by /v1/messages?thread=.`,
  tags,
  security: tenantKey('mail:read'),
  request: { params: idParams('thread'), headers },
  responses: { 200: json(threadDetail, 'The thread'), ...problems },
});

export function addThreadRoutes(app: ApiApp, { database, keyring }: ApiDeps): void {
  app.openapi(listRoute, async (c) => {
    const actor = actorOf(c);
    const { connection, limit, cursor } = c.req.valid('query');
    const list = listKey('threads', { connection, memberId: actor.memberId });
    const window = { after: readCursor(list, cursor), limit: limit + 1 };
    const vault = await keyring.vault(actor.tenantId);
    const page = await withTenant(database, actor.tenantId, async (tx) => {
      const rows = await listThreads(tx, actor, connection, window);
      const opened = await openMessages(tx, vault, actor, rows);
      const views = new Map(opened.map(({ row, view }) => [row.id, view]));
      const position = (row: (typeof rows)[number]) => ({ at: row.receivedAt, id: row.id });
      return toPage(rows, { list, limit, position }, (row) => {
        const newest = views.get(row.id)!;
        return {
          id: newest.threadId,
          connectionId: newest.connectionId,
          subject: newest.subject,
          participants: [...newest.from, ...newest.to, ...newest.cc],
          messageCount: row.messageCount,
          firstMessageAt: toInstant(row.firstReceivedAt),
          lastMessageAt: newest.receivedAt,
          lastMessageId: newest.id,
          tracked: row.anyTracked,
          hasAttachments: row.anyAttachments,
        };
      });
    });
    return c.json(page, 200);
  });

  app.openapi(readRoute, async (c) => {
    const actor = actorOf(c);
    const id = requireId('thread', c.req.param('id'));
    const vault = await keyring.vault(actor.tenantId);
    const messages = await withTenant(database, actor.tenantId, async (tx) => {
      const rows = await listThreadMessages(tx, actor, id, threadMessagesMax);
      return await openMessages(tx, vault, actor, rows);
    });
    if (messages.length === 0) throw notFound();
    return c.json(
      { id: toPublicId('thread', id), messages: messages.map(({ view }) => view) },
      200,
    );
  });
}
