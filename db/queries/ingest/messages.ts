import { sql } from 'drizzle-orm';
import type { SealedMailPage, SealedMessage, Span } from '../../../domain/mail-page.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { send, together } from '../../pipeline.ts';
import type { PageThreads } from './link-threads.ts';
import type { Loop } from './store-page.ts';

/**
 * Inserts a page's messages in one statement: the sealed values travel as one blob and are cut out
 * by offset, so that nothing is encoded per value. A row that is there is rewritten (it heals) but
 * keeps its thread and whether it is tracked. Returns how many rows are new.
 */
export async function insertMessages(
  tx: Tx,
  licence: Licence,
  page: SealedMailPage,
  { threads, tracked }: PageThreads,
): Promise<number> {
  const { messages, blob } = page;
  if (messages.length === 0) return 0;
  const column = <T>(pick: (message: SealedMessage) => T) => sql.param(messages.map(pick));
  const rows = await tx.execute<{ fresh: boolean }>(sql`
    insert into messages (
      tenant_id, connection_id, id, thread_id, envelope, body, message_id_index, twin_index,
      content_index, sent_at, received_at, size, direction, origin, tracked, has_attachments
    )
    select ${licence.tenantId}, ${licence.connectionId}, id, thread_id,
      substring(blob from envelope_at + 1 for envelope_length),
      substring(blob from body_at + 1 for body_length),
      message_id_index, twin_index, content_index, sent_at, received_at, size, direction,
      'imap', tracked::boolean, has_attachments::boolean
    from (select ${sql.param(blob)}::bytea as blob) as sealed, unnest(
      ${column((m) => m.id)}::uuid[], ${sql.param(threads)}::uuid[],
      ${column((m) => m.envelope[0])}::int[], ${column((m) => m.envelope[1])}::int[],
      ${column((m) => m.body[0])}::int[], ${column((m) => m.body[1])}::int[],
      ${column((m) => m.messageIdIndex)}::uuid[], ${column((m) => m.twinIndex)}::uuid[],
      ${column((m) => m.contentIndex)}::uuid[],
      ${column((m) => m.sentAt?.toISOString() ?? null)}::timestamptz[],
      ${column((m) => m.receivedAt.toISOString())}::timestamptz[], ${column((m) => m.size)}::int[],
      ${column((m) => m.direction)}::text[], ${sql.param(tracked.map(String))}::text[],
      ${column((m) => String(m.hasAttachments))}::text[]
    ) as page (
      id, thread_id, envelope_at, envelope_length, body_at, body_length, message_id_index,
      twin_index, content_index, sent_at, received_at, size, direction, tracked, has_attachments
    )
    on conflict (tenant_id, id) do update set
      envelope = excluded.envelope, body = excluded.body, content_index = excluded.content_index,
      message_id_index = excluded.message_id_index, twin_index = excluded.twin_index,
      sent_at = excluded.sent_at, received_at = excluded.received_at, size = excluded.size,
      has_attachments = excluded.has_attachments, hidden_at = null
    returning xmax = 0 as fresh`);
  return rows.filter(({ fresh }) => fresh).length;
}

/** Who takes part in the page's messages. A repair trusts nothing that stands there. */
export async function insertParticipants(
  tx: Tx,
  licence: Licence,
  messages: SealedMessage[],
  loop: Loop,
): Promise<void> {
  if (loop === 'repair') {
    await tx.execute(sql`
      delete from participants where tenant_id = ${licence.tenantId}
        and message_id = any(${sql.param(messages.map(({ id }) => id))}::uuid[])`);
  }
  const rows = messages.flatMap(({ id, participants }) =>
    participants.map(({ role, addressId }) => ({ id, role, addressId })),
  );
  if (rows.length === 0) return;
  await tx.execute(sql`
    insert into participants (tenant_id, connection_id, message_id, role, address_id)
    select ${licence.tenantId}, ${licence.connectionId}, message_id, role, address_id
    from unnest(
      ${sql.param(rows.map(({ id }) => id))}::uuid[],
      ${sql.param(rows.map(({ role }) => role))}::text[],
      ${sql.param(rows.map(({ addressId }) => addressId))}::uuid[]
    ) as page (message_id, role, address_id)
    on conflict do nothing`);
}

/** Addresses and keywords are stored once each, whichever message brings them first. */
export async function insertAddressesAndLabels(
  tx: Tx,
  licence: Licence,
  { addresses, labels, blob }: SealedMailPage,
  loop: Loop,
): Promise<void> {
  const onConflict = (column: string) =>
    loop === 'repair'
      ? sql.raw(`on conflict (tenant_id, id) do update set ${column} = excluded.${column}`)
      : sql.raw('on conflict do nothing');
  const insertions: Promise<unknown>[] = [];
  // Sorted, so that two loops inserting the same addresses never wait for each other in a circle.
  const sorted = addresses.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  if (sorted.length > 0) {
    const values = cutOut(
      blob,
      sorted.map(({ address }) => address),
    );
    const insertion = sql`
      insert into addresses (tenant_id, id, address)
      select ${licence.tenantId}, id, substring(blob from at + 1 for length)
      from (select ${sql.param(values.blob)}::bytea as blob) as sealed, unnest(
        ${sql.param(sorted.map(({ id }) => id))}::uuid[],
        ${sql.param(values.at)}::int[], ${sql.param(values.length)}::int[]
      ) as page (id, at, length)
      ${onConflict('address')}`;
    insertions.push(send(tx, insertion));
  }
  if (labels.length > 0) {
    const values = cutOut(
      blob,
      labels.map(({ name }) => name),
    );
    const insertion = sql`
      insert into labels (tenant_id, connection_id, id, name)
      select ${licence.tenantId}, ${licence.connectionId}, id, substring(blob from at + 1 for length)
      from (select ${sql.param(values.blob)}::bytea as blob) as sealed, unnest(
        ${sql.param(labels.map(({ id }) => id))}::uuid[],
        ${sql.param(values.at)}::int[], ${sql.param(values.length)}::int[]
      ) as page (id, at, length)
      ${onConflict('name')}`;
    insertions.push(send(tx, insertion));
  }
  await together(...insertions);
}

/** A small blob of some values: the page's own, with all its bodies, travels once only. */
function cutOut(blob: Uint8Array, spans: readonly Span[]) {
  const values = spans.map(([at, length]) => blob.subarray(at, at + length));
  const at: number[] = [];
  let end = 0;
  for (const value of values) {
    at.push(end);
    end += value.length;
  }
  return { blob: Buffer.concat(values), at, length: values.map((value) => value.length) };
}
