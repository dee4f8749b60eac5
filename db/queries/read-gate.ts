import { sql, type SQL } from 'drizzle-orm';
import type { Actor } from '../../domain/read-gate.ts';

/**
 * `mayRead` of `domain/read-gate.ts` in SQL, over `messages m join connections o` (the message's
 * connection). Hidden messages are shown to nobody.
 */
export function readable(actor: Actor): SQL {
  return sql`m.tenant_id = ${actor.tenantId} and m.hidden_at is null
    and (m.tracked or o.member_id = ${actor.memberId})`;
}

/** The join that `readable` needs. */
export const messagesWithOwner = sql`messages m join connections o
  on o.tenant_id = m.tenant_id and o.id = m.connection_id`;
