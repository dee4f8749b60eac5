import { createRoute } from '@hono/zod-openapi';
import type { Tx } from '../../db/client.ts';
import { recordAudit } from '../../db/queries/audit.ts';
import { endMembersConnections } from '../../db/queries/connection-ends.ts';
import { deleteMemberTokens } from '../../db/queries/member-tokens.ts';
import {
  endMember,
  hasOtherOwner,
  readMember,
  updateMember,
  type MemberChange,
  type MemberRow,
} from '../../db/queries/members.ts';
import { withTenant, withTransition } from '../../db/tenant.ts';
import { normaliseAddress } from '../../domain/mail.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { sealJson } from '../../domain/sealed-json.ts';
import { auditActor, tenantOf, type TenantPrincipal } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { openProfile, profilePlace, viewMember } from '../member-view.ts';
import { mayActOnRole, requireAdmin } from '../permissions.ts';
import { duplicateMember, HttpProblem, notFound } from '../problem.ts';
import { type ApiApp, json, jsonBody, problems, tenantKey } from '../route-parts.ts';
import { member, memberChange, type MemberChangeBody } from '../schemas/admin.ts';
import { nudge } from '../workflow-control.ts';

const tags = ['Members'];
const params = idParams('member');

const changeRoute = createRoute({
  method: 'patch',
  path: '/v1/members/{id}',
  summary: 'Change a member’s name, e-mail address or role',
  description: 'Members change their own name and address; owners and admins those of others.',
  tags,
  security: tenantKey('members:write'),
  request: { params, body: jsonBody(memberChange) },
  responses: { 200: json(member, 'The member as it is now'), ...problems },
});

const leaveRoute = createRoute({
  method: 'delete',
  path: '/v1/members/{id}',
  summary: 'Off-board a member who leaves',
  description:
    'Ends the member’s connections and tokens, and erases their untracked mail. Tracked mail ' +
    'stays, with the member’s name on it. The accounts can be connected by others, from the ' +
    'beginning. The last owner can not go.',
  tags,
  security: tenantKey('members:write'),
  request: { params },
  responses: { 202: json(member, 'Gone; the mail is being erased'), ...problems },
});

export function addMemberChangeRoutes(app: ApiApp, deps: ApiDeps): void {
  const { database, keyring } = deps;

  app.openapi(changeRoute, async (c) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    const id = requireId('member', c.req.param('id'));
    const body = c.req.valid('json');
    const vault = await keyring.vault(tenantId);
    // A transition: two owners must not step down at the same moment.
    const row = await withTransition(database, tenantId, async (tx) => {
      const before = await requirePresent(tx, tenantId, id);
      requireMayChange(principal, before, body);
      if (before.role === 'owner' && (body.role ?? 'owner') !== 'owner') {
        await requireOtherOwner(tx, before, tenantId);
      }
      const changed = await updateMember(tx, tenantId, id, toChange(vault, before, body));
      if (changed === 'email-taken') throw duplicateMember();
      if (!changed) throw notFound();
      const actor = auditActor(principal);
      await recordAudit(tx, { tenantId, actor, action: 'member.changed', target: `member:${id}` });
      return changed;
    });
    return c.json(viewMember(vault, row), 200);
  });

  app.openapi(leaveRoute, async (c) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    const id = requireId('member', c.req.param('id'));
    const ended = await withTransition(database, tenantId, async (tx) => {
      const row = await readMember(tx, tenantId, id);
      if (!row) throw notFound();
      requireAdmin(principal, 'off-board members');
      if (!mayActOnRole(principal, row.role)) throw aboveOwnRole();
      // Once more changes nothing, so that a repeated request is answered like the first.
      if (row.leftAt !== null) return [];
      if (row.role === 'owner') await requireOtherOwner(tx, row, tenantId);
      await endMember(tx, tenantId, id);
      await deleteMemberTokens(tx, tenantId, id);
      const connections = await endMembersConnections(tx, { tenantId, memberId: id });
      const actor = auditActor(principal);
      await recordAudit(tx, { tenantId, actor, action: 'member.left', target: `member:${id}` });
      return connections;
    });
    const ref = { tenantId, provider: 'imap', capability: 'mail' } as const;
    for (const connectionId of ended) await nudge(deps, { ...ref, connectionId });
    const row = await withTenant(database, tenantId, (tx) => readMember(tx, tenantId, id));
    if (!row) throw notFound();
    return c.json(viewMember(await keyring.vault(tenantId), row), 202);
  });
}

async function requirePresent(tx: Tx, tenantId: string, id: string): Promise<MemberRow> {
  const row = await readMember(tx, tenantId, id);
  if (!row) throw notFound();
  if (row.leftAt === null) return row;
  throw new HttpProblem('member-left', 'Add the person again with POST /v1/members.');
}

function requireMayChange(
  principal: TenantPrincipal,
  before: MemberRow,
  { role }: MemberChangeBody,
): void {
  if (role === undefined && principal.member?.id === before.id) return;
  requireAdmin(principal, 'change other members, or a role');
  if (!mayActOnRole(principal, before.role) || !mayActOnRole(principal, role ?? before.role)) {
    throw aboveOwnRole();
  }
}

async function requireOtherOwner(tx: Tx, { id }: MemberRow, tenantId: string): Promise<void> {
  if (await hasOtherOwner(tx, tenantId, id)) return;
  throw new HttpProblem('last-owner', 'Make another member an owner first.');
}

function toChange(vault: TenantVault, before: MemberRow, body: MemberChangeBody): MemberChange {
  const { name, email, role } = body;
  if (name === undefined && email === undefined) return { role };
  const stored = openProfile(vault, before);
  const profile = { name: name ?? stored.name, email: email ?? stored.email };
  return {
    role,
    profile: {
      sealed: sealJson(vault, profilePlace(before.id), profile),
      emailIndex: vault.index('address', normaliseAddress(profile.email)),
    },
  };
}

function aboveOwnRole(): HttpProblem {
  return new HttpProblem('forbidden', 'The acting member may not change an owner.');
}
