import { createRoute, z } from '@hono/zod-openapi';
import { recordAudit } from '../../db/queries/audit.ts';
import { insertMember, listMembers, readMember } from '../../db/queries/members.ts';
import { withTenant, withTenantWrite } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { normaliseAddress } from '../../domain/mail.ts';
import { sealJson } from '../../domain/sealed-json.ts';
import { auditActor, tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { profilePlace, viewMember } from '../member-view.ts';
import { listOf, listQuery, pageById } from '../pagination.ts';
import { mayActOnRole } from '../permissions.ts';
import { duplicateMember, HttpProblem, notFound } from '../problem.ts';
import {
  type ApiApp,
  idempotencyHeader,
  json,
  jsonBody,
  problems,
  tenantKey,
} from '../route-parts.ts';
import { member, newMember } from '../schemas/admin.ts';

const tags = ['Members'];

const createMember = createRoute({
  method: 'post',
  path: '/v1/members',
  summary: 'Add a member',
  description:
    'When Steward-Member is given, only owners and admins may, and only an owner adds one.',
  tags,
  security: tenantKey('members:write'),
  request: { headers: idempotencyHeader, body: jsonBody(newMember) },
  responses: { 201: json(member, 'The member'), ...problems },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/members',
  summary: 'List members, newest first',
  tags,
  security: tenantKey('members:read'),
  request: { query: z.strictObject(listQuery) },
  responses: { 200: json(listOf(member), 'A page of members'), ...problems },
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/members/{id}',
  summary: 'Read a member',
  tags,
  security: tenantKey('members:read'),
  request: { params: idParams('member') },
  responses: { 200: json(member, 'The member'), ...problems },
});

export function addMemberRoutes(app: ApiApp, { database, keyring }: ApiDeps): void {
  app.openapi(createMember, async (c) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    const { name, email, role } = c.req.valid('json');
    if (!mayActOnRole(principal, role)) {
      throw new HttpProblem('forbidden', `The acting member may not add a member as ${role}.`);
    }
    const vault = await keyring.vault(tenantId);
    const id = uuidv7();
    const profile = sealJson(vault, profilePlace(id), { name, email });
    const emailIndex = vault.index('address', normaliseAddress(email));
    const row = await withTenantWrite(database, tenantId, async (tx) => {
      const inserted = await insertMember(tx, { id, tenantId, profile, emailIndex, role });
      if (!inserted) throw duplicateMember();
      const actor = auditActor(principal);
      await recordAudit(tx, { tenantId, actor, action: 'member.created', target: `member:${id}` });
      return inserted;
    });
    return c.json(viewMember(vault, row), 201);
  });

  app.openapi(listRoute, async (c) => {
    const { tenantId } = tenantOf(c);
    const vault = await keyring.vault(tenantId);
    const page = await pageById(
      'members',
      c.req.valid('query'),
      (window) => withTenant(database, tenantId, (tx) => listMembers(tx, tenantId, window)),
      (row) => viewMember(vault, row),
    );
    return c.json(page, 200);
  });

  app.openapi(readRoute, async (c) => {
    const { tenantId } = tenantOf(c);
    const id = requireId('member', c.req.param('id'));
    const row = await withTenant(database, tenantId, (tx) => readMember(tx, tenantId, id));
    if (!row) throw notFound();
    return c.json(viewMember(await keyring.vault(tenantId), row), 200);
  });
}
