import type { TransactionSql } from 'postgres';
import type { TestDatabase } from './database.ts';
import { openIngest } from './ingest.ts';

/** Enough to make the tables large: what is in a small one may as well be read whole. */
const neighbourMessages = 40_000;

/**
 * Another tenant's mail, for tests that count the rows a query reads. From here on only the test
 * itself has the tables analysed.
 */
export async function addNeighbour(base: TestDatabase): Promise<void> {
  const { licence, makeFolder } = await openIngest(base);
  const { tenantId, connectionId } = licence;
  const folderId = await makeFolder();
  await base.owner.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    for (const table of tables) {
      await tx`alter table ${tx(table)} set (autovacuum_enabled = false)`;
    }
    await fillFolder(tx, { tenantId, connectionId, folderId }, neighbourMessages);
    await tx`
      insert into thread_references (tenant_id, connection_id, message_id_index, thread_id)
      select tenant_id, connection_id, twin_index, thread_id from messages`;
    await tx`
      insert into tombstones (tenant_id, connection_id, folder_id, uid_validity, uid)
      select tenant_id, connection_id, folder_id, '0', uid from placements`;
  });
}

/** Messages without content, a minute apart, and their places; without the fence. */
export async function fillFolder(
  tx: TransactionSql,
  { tenantId, connectionId, folderId }: Record<'tenantId' | 'connectionId' | 'folderId', string>,
  messages: number,
): Promise<void> {
  await tx`
    insert into messages (tenant_id, connection_id, id, thread_id, envelope, body, twin_index,
      content_index, received_at, size, direction, origin, has_attachments)
    select ${tenantId}, ${connectionId}, gen_random_uuid(), gen_random_uuid(), '', '',
      gen_random_uuid(), gen_random_uuid(), now() - n * interval '1 minute', 1, 'inbound',
      'import', false
    from generate_series(1, ${messages}) as n`;
  await tx`
    insert into placements (tenant_id, folder_id, uid, connection_id, message_id, flags,
      label_ids, version)
    select tenant_id, ${folderId}, row_number() over (), connection_id, id, 0, '{}', 0
    from messages where tenant_id = ${tenantId}`;
}

const tables = [
  ...['messages', 'placements', 'participants', 'addresses', 'thread_references', 'tombstones'],
  ...['skips', 'intents'],
];
