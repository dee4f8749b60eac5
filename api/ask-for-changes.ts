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

/** What else happens in the transaction: a check before anything is written, a reading after it. */
export interface Around<T> {
  check?: (tx: Tx) => Promise<void>;
  read: (tx: Tx) => Promise<T>;
}

/**
 * Writes what the owner of a mailbox asks for, and wakes the workflow that carries it out. Returns the
 * public ids of the intents, and what was read: as it will be, for no other transaction comes between.
 *
 * @throws HttpProblem `not-the-owner`, `connection-disconnected`, `too-many-pending`
 */
export async function askAndRead<T>(
  deps: ApiDeps,
  { tenantId, memberId }: Actor,
  connectionId: string,
  asked: Asked[],
  { check, read }: Around<T>,
): Promise<{ intents: string[]; shown: T }> {
  const vault = await deps.keyring.vault(tenantId);
  // Lists go by time and id, and what is asked together has one time: the ids keep its order.
  const ids = asked.map(() => uuidv7()).toSorted();
  const intents = asked.map(({ content = {}, ...intent }, i) => {
    const id = ids[i]!;
    return { ...intent, id, change: sealContent(vault, id, content) };
  });
  const ref = { tenantId, connectionId };
  const shown = await withTenantWrite(deps.database, tenantId, async (tx) => {
    const connection = await readConnection(tx, tenantId, connectionId);
    if (!connection) throw notFound();
    if (connection.memberId !== memberId) throw notTheOwner();
    if (connection.disconnectedAt !== null) throw disconnected();
    await check?.(tx);
    if (intents.length > 0) {
      if ((await countPendingIntents(tx, ref)) + intents.length > pendingMax) throw tooMany();
      await insertIntents(tx, { ...ref, memberId }, intents);
    }
    return await read(tx);
  });
  if (intents.length > 0) await nudge(deps, { ...ref, provider: 'imap', capability: 'mail' });
  return { intents: intents.map(({ id }) => toPublicId('intent', id)), shown };
}

/** The same where the answer is known beforehand. */
export async function askForChanges(
  deps: ApiDeps,
  actor: Actor,
  connectionId: string,
  asked: Asked[],
  check?: (tx: Tx) => Promise<void>,
): Promise<string[]> {
  const read = async (): Promise<void> => undefined;
  const around = { read, ...(check && { check }) };
  return (await askAndRead(deps, actor, connectionId, asked, around)).intents;
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
