import { sql } from 'drizzle-orm';
import type { SealedMessage } from '../../../domain/mail-page.ts';
import { planThreads } from '../../../domain/threading.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';

export interface LinkedMessages {
  threads: string[];
  tracked: boolean[];
}

/**
 * Finds the threads of a page's messages: the provider's own where it names one, else by
 * references, which then join with each other only.
 */
export async function linkThreads(
  tx: Tx,
  licence: Licence,
  messages: SealedMessage[],
): Promise<LinkedMessages> {
  const unnamed = messages.filter(({ threadIndex }) => threadIndex === null);
  const joined = await joinThreads(tx, licence, unnamed);
  const threads = messages.map(({ id, threadIndex }) => threadIndex ?? joined.get(id)!);
  return { threads, tracked: await repliesToTracked(tx, licence, messages) };
}

/** Threads by References, as the store knows them or new. The two loops take turns (`takeTurns`). */
async function joinThreads(
  tx: Tx,
  licence: Licence,
  messages: SealedMessage[],
): Promise<Map<string, string>> {
  if (messages.length === 0) return new Map();
  const items = messages.map((message) => ({ messageId: message.id, references: named(message) }));
  const indexes = [...new Set(items.flatMap((item) => item.references))];
  const known = await tx.execute<{ message_id_index: string; thread_id: string }>(sql`
    select message_id_index, thread_id from thread_references
    where tenant_id = ${licence.tenantId} and connection_id = ${licence.connectionId}
      and message_id_index = any(${sql.param(indexes)}::uuid[])`);
  const plan = planThreads(
    items,
    new Map(known.map((row) => [row.message_id_index, row.thread_id])),
  );
  await mergeThreads(tx, licence, plan.merges);
  await rememberReferences(tx, licence, plan.references);
  return new Map(items.map(({ messageId }, i) => [messageId, plan.threads[i]!]));
}

/** Indexes of its own Message-ID and of all that it refers to. */
function named({ messageIdIndex, references }: SealedMessage): string[] {
  return messageIdIndex ? [messageIdIndex, ...references] : references;
}

async function mergeThreads(tx: Tx, licence: Licence, merges: Map<string, string>): Promise<void> {
  if (merges.size === 0) return;
  const losers = sql.param([...merges.keys()]);
  const pairs = sql`unnest(
    ${losers}::uuid[], ${sql.param([...merges.values()])}::uuid[]
  ) as merged (loser, winner)`;
  await tx.execute(sql`
    update messages m set thread_id = merged.winner from ${pairs}
    where m.tenant_id = ${licence.tenantId} and m.thread_id = merged.loser`);
  await tx.execute(sql`
    update thread_references r set thread_id = merged.winner from ${pairs}
    where r.tenant_id = ${licence.tenantId} and r.connection_id = ${licence.connectionId}
      and r.thread_id = any(${losers}::uuid[]) and r.thread_id = merged.loser`);
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
  const parents = await tx.execute<{ message_id_index: string; address_id: string }>(sql`
    select m.message_id_index, p.address_id
    from messages m join participants p on p.tenant_id = m.tenant_id and p.message_id = m.id
    where m.tenant_id = ${licence.tenantId} and m.connection_id = ${licence.connectionId}
      and exists (select from messages where tenant_id = ${licence.tenantId} and tracked)
      and m.tracked and m.message_id_index = any(${sql.param(indexes)}::uuid[])`);
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
