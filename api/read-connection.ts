import { readConnection } from '../db/queries/connections.ts';
import { withTenant } from '../db/tenant.ts';
import { readConnectionProgress } from './connection-progress.ts';
import { viewConnection } from './connection-view.ts';
import type { TenantPrincipal } from './context.ts';
import type { ApiDeps } from './deps.ts';
import { notFound } from './problem.ts';
import type { ConnectionView } from './schemas/connections.ts';

/** One connection as the API shows it. @throws HttpProblem `not-found` */
export async function readConnectionView(
  { database, keyring, options }: ApiDeps,
  { tenantId, member }: TenantPrincipal,
  id: string,
): Promise<ConnectionView> {
  const { row, progressOf } = await withTenant(database, tenantId, async (tx) => ({
    row: await readConnection(tx, tenantId, id),
    progressOf: await readConnectionProgress(tx, tenantId, [id]),
  }));
  if (!row) throw notFound();
  const vault = await keyring.vault(tenantId);
  return viewConnection({ vault, options, memberId: member?.id }, row, progressOf(id));
}
