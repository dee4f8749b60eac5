import { readMessage } from '../db/queries/messages.ts';
import type { Tx } from '../db/client.ts';
import { withTenant } from '../db/tenant.ts';
import type { Actor } from '../domain/read-gate.ts';
import type { TenantVault } from '../domain/seal.ts';
import type { ApiDeps } from './deps.ts';
import { requireId } from './ids.ts';
import { openMessages, type OpenedMessage } from './message-view.ts';
import { notFound } from './problem.ts';

/** One message that the actor may read. @throws HttpProblem `not-found` */
export async function readOpenedMessage(
  { database, keyring }: ApiDeps,
  actor: Actor,
  publicId: string,
): Promise<OpenedMessage> {
  const id = requireId('message', publicId);
  const vault = await keyring.vault(actor.tenantId);
  return await withTenant(database, actor.tenantId, (tx) => openMessage(tx, vault, actor, id));
}

/** The same, inside a transaction. */
export async function openMessage(
  tx: Tx,
  vault: TenantVault,
  actor: Actor,
  id: string,
): Promise<OpenedMessage> {
  const row = await readMessage(tx, actor, id);
  const [opened] = row ? await openMessages(tx, vault, actor, [row]) : [];
  if (!opened) throw notFound();
  return opened;
}
