import { sql } from 'drizzle-orm';
import type { SealedMessage } from '../../../domain/mail-page.ts';
import { planThreads, type ThreadPlan } from '../../../domain/threading.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { send, together } from '../../pipeline.ts';

/** The threads of a page's messages, in the messages' order, and what makes the store agree. */
export interface PageThreads {
  threads: string[];
  tracked: boolean[];
  plan: Pick<ThreadPlan, 'references' | 'merges'>;
}

/**
 * Finds the threads of a page's messages: the provider's own where it names one, else by
 * references, which then join with each other only. The two loops take turns (`takeTurns`).
 */
export async function findThreads(
  tx: Tx,
  licence: Licence,
  messages: SealedMessage[],
): Promise<PageThreads> {
  const unnamed = messages.filter(({ threadIndex }) => threadIndex === null);
  const [{ joined, plan }, tracked] = await together(
    planByReferences(tx, licence, unnamed),
    repliesToTracked(tx, licence, messages),
  );
  const threads = messages.map(({ id, threadIndex }) => threadIndex ?? joined.get(id)!);
  return { threads, tracked, plan };
}

/** Notes what the page's references join. */
export async function writeThreads(tx: Tx, licence: Licence, { plan }: PageThreads): Promise<void> {
  await together(
    mergeThreads(tx, licence, plan.merges),
    rememberReferences(tx, licence, plan.references),
  );
}

/** Threads by References, as the store knows them or new. */
async function planByReferences(
  tx: Tx,
  licence: Licence,
  messages: SealedMessage[],
): Promise<{ joined: Map<string, string>; plan: PageThreads['plan'] }> {
  const items = messages.map((message) => ({ messageId: message.id, references: named(message) }));
  const indexes = [...new Set(items.flatMap((item) => item.references))];
  const known = await readReferences(tx, licence, indexes);
  const plan = planThreads(
    items,
    new Map(known.map((row) => [row.message_id_index, row.thread_id])),
  );
  return { joined: new Map(items.map(({ messageId }, i) => [messageId, plan.threads[i]!])), plan };
}

/** Key by key: a planner without statistics would rather read all that the connection has. */
async function readReferences(
  tx: Tx,
  { tenantId, connectionId }: Licence,
  indexes: string[],
): Promise<{ message_id_index: string; thread_id: string }[]> {
  if (indexes.length === 0) return [];
  return await send(
    tx,
    sql`
    select r.message_id_index, r.thread_id
    from unnest(${sql.param(indexes)}::uuid[]) as wanted (key) cross join lateral (
      select message_id_index, thread_id from thread_references
      where tenant_id = ${tenantId} and connection_id = ${connectionId}
        and message_id_index = wanted.key offset 0
    ) r`,
  );
}

/** Indexes of its own Message-ID and of all that it refers to. */
function named({ messageIdIndex, references }: SealedMessage): string[] {
  return messageIdIndex ? [messageIdIndex, ...references] : references;
}

/**
 * By the threads alone, whose ids belong to one connection: were it named as well, the planner would
 * read all of its references, which it takes for few.
 */
async function mergeThreads(tx: Tx, licence: Licence, merges: Map<string, string>): Promise<void> {
  if (merges.size === 0) return;
  const losers = sql.param([...merges.keys()]);
  const pairs = sql`unnest(
    ${losers}::uuid[], ${sql.param([...merges.values()])}::uuid[]
  ) as merged (loser, winner)`;
  const messages = sql`
    update messages m set thread_id = merged.winner from ${pairs}
    where m.tenant_id = ${licence.tenantId} and m.thread_id = any(${losers}::uuid[])
      and m.thread_id = merged.loser`;
  const references = sql`
    update thread_references r set thread_id = merged.winner from ${pairs}
    where r.tenant_id = ${licence.tenantId} and r.thread_id = any(${losers}::uuid[])
      and r.thread_id = merged.loser`;
  await together(send(tx, messages), send(tx, references));
}

async function rememberReferences(
  tx: Tx,
  licence: Licence,
  references: Map<string, string>,
): Promise<void> {
  if (references.size === 0) return;
  await tx.execute(sql`
    insert into thread_references (tenant_id, connection_id, message_id_index, thread_id)
    select ${licence.tenantId}, ${licence.connectionId}, message_id_index, thread_id
    from unnest(
      ${sql.param([...references.keys()])}::uuid[], ${sql.param([...references.values()])}::uuid[]
    ) as page (message_id_index, thread_id)
    on conflict (tenant_id, connection_id, message_id_index)
      do update set thread_id = excluded.thread_id`);
}

/**
 * A reply in a tracked thread is tracked, but only from somebody who already takes part in the
 * tracked message: a stranger's References header makes nothing visible.
 */
async function repliesToTracked(
  tx: Tx,
  licence: Licence,
  messages: SealedMessage[],
): Promise<boolean[]> {
  const indexes = [...new Set(messages.flatMap(named))];
  if (indexes.length === 0) return messages.map(() => false);
  const parents = await send<{ message_id_index: string; address_id: string }>(
    tx,
    sql`
    select m.message_id_index, p.address_id
    from unnest(${sql.param(indexes)}::uuid[]) as wanted (key) cross join lateral (
        select id, connection_id, message_id_index, tracked from messages
        where tenant_id = ${licence.tenantId} and message_id_index = wanted.key offset 0
      ) m
      join participants p on p.tenant_id = ${licence.tenantId} and p.message_id = m.id
    where m.connection_id = ${licence.connectionId} and m.tracked
      and exists (select from messages where tenant_id = ${licence.tenantId} and tracked)`,
  );
  const insiders = Map.groupBy(parents, (row) => row.message_id_index);
  return messages.map((message) =>
    message.references.some((reference) => {
      const inside = insiders.get(reference);
      if (!inside) return false;
      const from = message.participants.filter(({ role }) => role === 'from');
      const takesPart = (addressId: string) => inside.some((row) => row.address_id === addressId);
      return from.length > 0 && from.every(({ addressId }) => takesPart(addressId));
    }),
  );
}
