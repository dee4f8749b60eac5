import { createRoute, z } from '@hono/zod-openapi';
import { recordAudit } from '../../db/queries/audit.ts';
import { insertMember, listMembers, readMember, type MemberRow } from '../../db/queries/members.ts';
import { withTenant, withTenantWrite } from '../../db/tenant.ts';
import { toPublicId, uuidv7 } from '../../domain/ids.ts';
import { normaliseAddress } from '../../domain/mail.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { openJson, sealJson } from '../../domain/sealed-json.ts';
import { auditActor, tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { toInstant } from '../message-view.ts';
import { listKey, listOf, listQuery, readCursor, toPage } from '../pagination.ts';
import { HttpProblem, notFound } from '../problem.ts';
import {
  type ApiApp,
  idempotencyHeader,
  json,
  jsonBody,
  problems,
  tenantSecurity as security,
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
  security,
  request: { headers: idempotencyHeader, body: jsonBody(newMember) },
  responses: { 201: json(member, 'The member'), ...problems },
});

const listRoute = createRoute({
  method: 'get',
  path: '/v1/members',
  summary: 'List members, newest first',
  tags,
  security,
  request: { query: z.strictObject(listQuery) },
  responses: { 200: json(listOf(member), 'A page of members'), ...problems },
});

const readRoute = createRoute({
  method: 'get',
  path: '/v1/members/{id}',
  summary: 'Read a member',
  tags,
  security,
  request: { params: idParams('member') },
  responses: { 200: json(member, 'The member'), ...problems },
});

export function addMemberRoutes(app: ApiApp, { database, keyring }: ApiDeps): void {
  app.openapi(createMember, async (c) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    const { name, email, role } = c.req.valid('json');
    if (!mayAdd(principal.member?.role, role)) {
      throw new HttpProblem('forbidden', `The acting member may not add a member as ${role}.`);
    }
    const vault = await keyring.vault(tenantId);
    const id = uuidv7();
    const profile = sealJson(vault, placeOf(id), { name, email });
    const emailIndex = vault.index('address', normaliseAddress(email));
    const row = await withTenantWrite(database, tenantId, async (tx) => {
      const inserted = await insertMember(tx, { id, tenantId, profile, emailIndex, role });
      if (!inserted) {
        throw new HttpProblem('duplicate-member', 'A present member has this e-mail address.');
      }
      const actor = auditActor(principal);
      await recordAudit(tx, { tenantId, actor, action: 'member.created', target: `member:${id}` });
      return inserted;
    });
    return c.json(toView(vault, row), 201);
  });

  app.openapi(listRoute, async (c) => {
    const { tenantId } = tenantOf(c);
    const { limit, cursor } = c.req.valid('query');
    const list = listKey('members', {});
    const window = { after: readCursor(list, cursor), limit: limit + 1 };
    const vault = await keyring.vault(tenantId);
    const rows = await withTenant(database, tenantId, (tx) => listMembers(tx, tenantId, window));
    const position = ({ id }: MemberRow) => ({ at: '', id });
    return c.json(
      toPage(rows, { list, limit, position }, (row) => toView(vault, row)),
      200,
    );
  });

  app.openapi(readRoute, async (c) => {
    const { tenantId } = tenantOf(c);
    const id = requireId('member', c.req.param('id'));
    const row = await withTenant(database, tenantId, (tx) => readMember(tx, tenantId, id));
    if (!row) throw notFound();
    return c.json(toView(await keyring.vault(tenantId), row), 200);
  });
}

/** The CRM itself (no acting member) may add anybody; a member nobody above their own role. */
function mayAdd(actingRole: string | undefined, role: MemberRow['role']): boolean {
  if (actingRole === undefined || actingRole === 'owner') return true;
  return actingRole === 'admin' && role !== 'owner';
}

function toView(vault: TenantVault, { id, profile, role, createdAt }: MemberRow) {
  const { name, email } = openJson<{ name: string; email: string }>(vault, placeOf(id), profile);
  return { id: toPublicId('member', id), name, email, role, createdAt: toInstant(createdAt) };
}

const placeOf = (rowId: string) => ({ table: 'members', column: 'profile', rowId });
