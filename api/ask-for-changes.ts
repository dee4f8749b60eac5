import { readConnection } from '../db/queries/connections.ts';
import { countPendingIntents, insertIntents, type NewIntent } from '../db/queries/intents.ts';
import type { Tx } from '../db/client.ts';
import { withTenantWrite } from '../db/tenant.ts';
import { uuidv7, toPublicId } from '../domain/ids.ts';
import type { IntentContent } from '../domain/intent.ts';
import type { Actor } from '../domain/read-gate.ts';
import { sealContent } from '../domain/sealed-intent.ts';
import type { ApiDeps } from './deps.ts';
import { disconnected, HttpProblem, notFound } from './problem.ts';
import { nudge } from './workflow-control.ts';

/**
 * Intents of a connection that may wait. One live slice carries out several times as many; a caller
 * that comes here repeats itself, or the mailbox can not be reached.
 */
const pendingMax = 10_000;

/** What a route asks for; the content is sealed here. */
export interface Asked extends Omit<NewIntent, 'id' | 'change'> {
  content?: Partial<IntentContent>;
}

/**
 * Writes what the owner of a mailbox asks for, and wakes the workflow that carries it out. `check`
 * runs in the same transaction. Returns the public ids of the intents.
 *
 * @throws HttpProblem `not-the-owner`, `connection-disconnected`, `too-many-pending`
 */
export async function askForChanges(
  deps: ApiDeps,
  { tenantId, memberId }: Actor,
  connectionId: string,
  asked: Asked[],
  check: (tx: Tx) => Promise<void> = async () => undefined,
): Promise<string[]> {
  const vault = await deps.keyring.vault(tenantId);
  // Lists go by time and id, and what is asked together has one time: the ids keep its order.
  const ids = asked.map(() => uuidv7()).toSorted();
  const intents = asked.map(({ content = {}, ...intent }, i) => {
    const id = ids[i]!;
    return { ...intent, id, change: sealContent(vault, id, content) };
  });
  const ref = { tenantId, connectionId };
  await withTenantWrite(deps.database, tenantId, async (tx) => {
    const connection = await readConnection(tx, tenantId, connectionId);
    if (!connection) throw notFound();
    if (connection.memberId !== memberId) throw notTheOwner();
    if (connection.disconnectedAt !== null) throw disconnected();
    await check(tx);
    if (intents.length === 0) return;
    if ((await countPendingIntents(tx, ref)) + intents.length > pendingMax) throw tooMany();
    await insertIntents(tx, { ...ref, memberId }, intents);
  });
  if (intents.length > 0) await nudge(deps, { ...ref, provider: 'imap', capability: 'mail' });
  return intents.map(({ id }) => toPublicId('intent', id));
}

export function notTheOwner(): HttpProblem {
  return new HttpProblem(
    'not-the-owner',
    'Only the member whose mailbox it is may change it; what the team tracks can be read.',
  );
}

function tooMany(): HttpProblem {
  return new HttpProblem(
    'too-many-pending',
    `${pendingMax} changes of this connection wait already. Look at its state and its intents.`,
    { retryAfterSeconds: 30 },
  );
}
