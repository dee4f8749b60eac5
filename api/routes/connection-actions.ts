import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { recordAudit } from '../../db/queries/audit.ts';
import { decideErasure, disconnectConnection } from '../../db/queries/connection-ends.ts';
import {
  confirmDeletions,
  requestReconciliation,
  requestResync,
} from '../../db/queries/connection-requests.ts';
import { readConnection, writeWanted } from '../../db/queries/connections.ts';
import type { Database, Tx } from '../../db/client.ts';
import { withTenant, withTenantWrite, withTransition } from '../../db/tenant.ts';
import { disconnectedDataKeptDays } from '../../workflows/contract.ts';
import { type ApiEnv, auditActor, tenantOf } from '../context.ts';
import type { ApiDeps } from '../deps.ts';
import { idParams, requireId } from '../ids.ts';
import { requireOwnOrAdmin, requireSelf } from '../permissions.ts';
import { disconnected, HttpProblem, notFound } from '../problem.ts';
import { readConnectionView } from '../read-connection.ts';
import { type ApiApp, json, problems, tenantKey } from '../route-parts.ts';
import { accepted } from '../schemas/connections.ts';
import { nudge } from '../workflow-control.ts';

const tags = ['Connections'];
const params = idParams('connection');
const responses = { 202: json(accepted, 'Accepted; look at statusUrl'), ...problems };

const action = <N extends string>(name: N, summary: string) =>
  createRoute({
    method: 'post',
    path: `/v1/connections/{id}/${name}`,
    summary,
    tags,
    security: tenantKey('connections:write'),
    request: { params },
    responses,
  });

const syncRoute = action('sync', 'Look for changes now');
const pauseRoute = action('pause', 'Stop syncing until resumed');
const resumeRoute = action('resume', 'Go on syncing');
const resyncRoute = action('resync', 'List everything again from the start');
const reconcileRoute = action(
  'reconcile',
  "Compare everything with the provider's own listing, and mend what differs",
);

const confirmRoute = createRoute({
  method: 'post',
  path: '/v1/connections/{id}/confirm-deletions',
  summary: 'Let the deletions pass that are held',
  description:
    'When much of a folder vanishes at the server within a day, nothing is deleted until the ' +
    "mailbox's owner confirms it here. With count, only if that is still the number which is held.",
  tags,
  security: tenantKey('connections:write'),
  request: { params, query: z.strictObject({ count: z.coerce.number().int().min(1).optional() }) },
  responses,
});

const disconnectRoute = createRoute({
  method: 'delete',
  path: '/v1/connections/{id}',
  summary: 'Disconnect an account',
  description:
    'Credentials are wiped at once. Tracked mail stays; the rest is erased after ' +
    `${disconnectedDataKeptDays} days, or now (data=erase), or kept (data=keep). Said of a ` +
    'disconnected account, data decides anew about what is not erased yet.',
  tags,
  security: tenantKey('connections:write'),
  request: { params, query: z.strictObject({ data: z.enum(['erase', 'keep']).optional() }) },
  responses,
});

interface Target {
  tenantId: string;
  id: string;
}

export function addConnectionActionRoutes(app: ApiApp, deps: ApiDeps): void {
  const { database } = deps;
  const act = actWith(deps);

  app.openapi(syncRoute, (c) =>
    act(c, (target) =>
      withTenantWrite(database, target.tenantId, (tx) => requireConnected(tx, target)),
    ),
  );
  app.openapi(pauseRoute, (c) => act(c, want(database, 'paused')));
  app.openapi(resumeRoute, (c) => act(c, want(database, 'run')));

  app.openapi(resyncRoute, (c) =>
    act(c, (target, actor) =>
      withTransition(database, target.tenantId, async (tx) => {
        await requireConnected(tx, target);
        await requestResync(tx, target, 'mail');
        await audit(tx, target, actor, 'connection.resynced');
      }),
    ),
  );

  app.openapi(reconcileRoute, (c) =>
    act(c, (target, actor) =>
      withTenantWrite(database, target.tenantId, async (tx) => {
        await requireConnected(tx, target);
        await requestReconciliation(tx, target);
        await audit(tx, target, actor, 'connection.reconciliation-requested');
      }),
    ),
  );

  app.openapi(confirmRoute, (c) => {
    const { count } = c.req.valid('query');
    const confirm = async (target: Target, actor: string): Promise<void> =>
      withTenantWrite(database, target.tenantId, async (tx) => {
        await requireConnected(tx, target);
        const held = await confirmDeletions(tx, target, count);
        if (count !== undefined && held !== count) throw deletionsChanged(held);
        if (held > 0) await audit(tx, target, actor, 'connection.deletions-confirmed');
      });
    // An administrator looks after a mailbox; what was deleted in it only its owner knows.
    return act(c, confirm, requireSelf);
  });

  app.openapi(disconnectRoute, (c) => {
    const { data } = c.req.valid('query');
    const keptDays = data === 'keep' ? null : data === 'erase' ? 0 : disconnectedDataKeptDays;
    return act(c, (target, actor) =>
      withTransition(database, target.tenantId, async (tx) => {
        if (!(await readConnection(tx, target.tenantId, target.id))) throw notFound();
        const changed =
          (await disconnectConnection(tx, target, keptDays)) ||
          // Said again, it may decide anew about the data; without a word it changes nothing.
          (data !== undefined &&
            (await decideErasure(tx, target, data === 'erase' ? 'now' : 'never')));
        if (!changed) return;
        await audit(tx, target, actor, `connection.disconnected${data ? `.${data}` : ''}`);
      }),
    );
  });
}

function actWith(deps: ApiDeps) {
  /** Carries out one action on the connection that exists, wakes its workflow, answers 202. */
  return async (
    c: Context<ApiEnv>,
    work: (target: Target, actor: string) => Promise<void>,
    permit = requireOwnOrAdmin,
  ) => {
    const principal = tenantOf(c);
    const { tenantId } = principal;
    const id = requireId('connection', c.req.param('id') ?? '');
    const row = await withTenant(deps.database, tenantId, (tx) => readConnection(tx, tenantId, id));
    if (!row) throw notFound();
    permit(principal, row.memberId);
    await work({ tenantId, id }, auditActor(principal));
    await nudge(deps, { tenantId, connectionId: id, provider: 'imap', capability: 'mail' });
    const view = await readConnectionView(deps, principal, id);
    const statusUrl = `/v1/connections/${view.id}`;
    return c.json({ id: view.id, state: view.state, statusUrl }, 202);
  };
}

function want(database: Database, wanted: 'run' | 'paused') {
  return async (target: Target, actor: string): Promise<void> => {
    await withTenantWrite(database, target.tenantId, async (tx) => {
      await requireConnected(tx, target);
      const written = await writeWanted(tx, target, wanted);
      const done = wanted === 'run' ? 'resumed' : 'paused';
      if (written?.changed) await audit(tx, target, actor, `connection.${done}`);
    });
  };
}

async function requireConnected(tx: Tx, { tenantId, id }: Target): Promise<void> {
  const row = await readConnection(tx, tenantId, id);
  if (!row) throw notFound();
  if (row.disconnectedAt !== null) throw disconnected();
}

function deletionsChanged(held: number): HttpProblem {
  return new HttpProblem(
    'deletions-changed',
    `${held} deletions are held now: look at the connection again, then confirm that number.`,
  );
}

async function audit(tx: Tx, { tenantId, id }: Target, actor: string, what: string): Promise<void> {
  await recordAudit(tx, { tenantId, actor, action: what, target: `connection:${id}` });
}
