import { createRoute, z } from '@hono/zod-openapi';
import { actorOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams } from '../ids.ts';
import { HttpProblem } from '../problem.ts';
import { readOpenedMessage } from '../read-message.ts';
import { type ApiApp, memberHeader as headers, problems, tenantKey } from '../route-parts.ts';

const tags = ['Mail'];
const params = idParams('message');

const sourceRoute = createRoute({
  method: 'get',
  path: '/v1/messages/{id}/source',
  summary: 'Source of a message',
  description: 'Sources of IMAP messages are not kept: 404 source-not-kept.',
  tags,
  security: tenantKey('mail:read'),
  request: { params, headers },
  responses: problems,
});

const attachmentRoute = createRoute({
  method: 'get',
  path: '/v1/messages/{id}/attachments/{n}',
  summary: 'Content of an attachment',
  description: 'Attachments of IMAP messages are never fetched: 404 attachment-not-kept.',
  tags,
  security: tenantKey('mail:read'),
  request: { params: params.extend({ n: z.string().max(16) }), headers },
  responses: problems,
});

/** What stays at the provider: the routes exist, and say so to whoever may read the message. */
export function addSourceRoutes(app: ApiApp, deps: ApiDeps): void {
  app.openapi(sourceRoute, async (c) => {
    await readOpenedMessage(deps, actorOf(c), c.req.param('id'));
    throw new HttpProblem(
      'source-not-kept',
      'Only headers and texts are fetched from IMAP; the source stays at the provider.',
    );
  });

  app.openapi(attachmentRoute, async (c) => {
    await readOpenedMessage(deps, actorOf(c), c.req.param('id'));
    throw new HttpProblem(
      'attachment-not-kept',
      'Attachments are never fetched from IMAP; the message lists their names, types and sizes.',
    );
  });
}
