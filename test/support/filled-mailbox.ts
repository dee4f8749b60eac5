import type { Ingest } from './ingest.ts';

/** Of each message. */
export const participants = 3;

/** Addresses of the tenant. */
export const people = 500;

/** Messages, each at one place, with a keyword, a thread and people of the tenant's addresses. */
export async function fill({ base, licence, makeFolder }: Ingest, messages: number): Promise<void> {
  const folderId = await makeFolder();
  const { tenantId, connectionId } = licence;
  await base.owner.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`
      insert into labels (tenant_id, connection_id, id, name)
      select ${tenantId}, ${connectionId}, gen_random_uuid(), '' from generate_series(1, 20)`;
    await tx`
      insert into addresses (tenant_id, id, address)
      select ${tenantId}, md5(${tenantId} || n)::uuid, '' from generate_series(1, ${people}::int) n
      on conflict do nothing`;
    await tx`
      insert into messages (tenant_id, connection_id, id, thread_id, envelope, body, twin_index,
        content_index, received_at, size, direction, origin, has_attachments)
      select ${tenantId}, ${connectionId}, gen_random_uuid(), gen_random_uuid(), '', '',
        gen_random_uuid(), gen_random_uuid(), now() - n * interval '1 minute', 1, 'inbound',
        'import', false
      from generate_series(1, ${messages}::int) as n`;
    const ofConnection = tx`tenant_id = ${tenantId} and connection_id = ${connectionId}`;
    await tx`
      insert into placements (tenant_id, folder_id, uid, connection_id, message_id, flags,
        label_ids, version)
      select m.tenant_id, ${folderId}, m.nth, m.connection_id, m.id, 0, array[l.id], 0
      from (select *, row_number() over () as nth from messages where ${ofConnection}) m
        join (select id, row_number() over () as nth from labels where ${ofConnection}) l
          on l.nth = m.nth % 20 + 1`;
    await tx`
      insert into participants (tenant_id, message_id, role, address_id, connection_id)
      select m.tenant_id, m.id, 'role' || role, md5(${tenantId} || (m.nth + role) % ${people}::int + 1)::uuid,
        m.connection_id
      from (select *, row_number() over () as nth from messages where ${ofConnection}) m,
        generate_series(1, ${participants}::int) role`;
    await tx`
      insert into thread_references (tenant_id, connection_id, message_id_index, thread_id)
      select tenant_id, connection_id, gen_random_uuid(), thread_id from messages
      where ${ofConnection}`;
  });
}
