import { createRoute } from '@hono/zod-openapi';
import { recordAudit } from '../../db/queries/audit.ts';
import { insertMemberToken } from '../../db/queries/member-tokens.ts';
import { readMember } from '../../db/queries/members.ts';
import { withTenantWrite } from '../../db/tenant.ts';
import { toPublicId, uuidv7 } from '../../domain/ids.ts';
import { createAccessKey } from '../../runtime/access-key.ts';
import { auditActor, tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { toInstant } from '../instant.ts';
import { requireHeld, requireKey, requireSelf } from '../permissions.ts';
import { absentOwner } from '../problem.ts';
import {
  type ApiApp,
  idempotencyHeader,
  json,
  jsonBody,
  problems,
  tenantKey,
} from '../route-parts.ts';
import { memberToken, newMemberToken } from '../schemas/admin.ts';

const createToken = createRoute({
  method: 'post',
  path: '/v1/member-tokens',
  summary: 'Make a token for a member’s browser',
  description:
    'For an hour at most. Sent as Authorization: Bearer mt_…, it acts for its member without ' +
    'Steward-Member. Without scopes it gets those of its key, and never more. It ends when the ' +
    'member leaves or the key that made it is revoked.',
  tags: ['Access'],
  security: tenantKey('tokens:write'),
  request: { headers: idempotencyHeader, body: jsonBody(newMemberToken) },
  responses: { 201: json(memberToken, 'The token, shown once'), ...problems },
});

export function addMemberTokenRoutes(app: ApiApp, { database }: ApiDeps): void {
  app.openapi(createToken, async (c) => {
    const principal = tenantOf(c);
    const { tenantId, keyId } = principal;
    const { memberId, lifeSeconds, scopes = [...principal.scopes] } = c.req.valid('json');
    requireKey(principal, 'make tokens');
    requireHeld(principal, scopes, 'Such a token is made by');
    const id = uuidv7();
    const { key: token, hash } = createAccessKey('mt');
    const { expiresAt } = await withTenantWrite(database, tenantId, async (tx) => {
      const row = await readMember(tx, tenantId, memberId);
      if (!row || row.leftAt !== null) throw absentOwner();
      requireSelf(principal, memberId);
      const made = await insertMemberToken(tx, {
        ...{ id, tenantId, keyId, memberId, hash, lifeSeconds, scopes },
      });
      const actor = auditActor(principal);
      const target = `member:${memberId}`;
      await recordAudit(tx, { tenantId, actor, action: 'member.token-made', target });
      return made;
    });
    const answer = {
      id: toPublicId('memberToken', id),
      memberId: toPublicId('member', memberId),
      scopes,
      expiresAt: toInstant(expiresAt),
      token,
    };
    return c.json(answer, 201);
  });
}
