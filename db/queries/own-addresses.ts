import { sql } from 'drizzle-orm';
import type { Tx } from '../client.ts';

/** So many of the newest sent messages are looked at: an alias in use is among them. */
const sentMessagesLookedAt = 1_000;

/** Sealed addresses that the account has sent from lately, by the messages in its sent folders. */
export async function listSenderAddresses(
  tx: Tx,
  { tenantId, connectionId }: { tenantId: string; connectionId: string },
): Promise<{ id: string; address: Uint8Array }[]> {
  return await tx.execute<{ id: string; address: Uint8Array }>(sql`
    with sent as (
      select p.message_id from folders f cross join lateral (
        select message_id from placements
        where tenant_id = f.tenant_id and folder_id = f.id and hidden_at is null
        order by uid desc limit ${sentMessagesLookedAt}
      ) p
      where f.tenant_id = ${tenantId} and f.connection_id = ${connectionId} and f.role = 'sent'
        and f.hidden_at is null
    )
    select a.id, a.address from addresses a
    where a.tenant_id = ${tenantId} and a.id in (
      select p.address_id from participants p join sent on sent.message_id = p.message_id
      where p.tenant_id = ${tenantId} and p.role = 'from')
    order by a.id`);
}
