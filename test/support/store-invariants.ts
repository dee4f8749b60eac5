import { sql, type SQL } from 'drizzle-orm';
import type { Database, Tx } from '../../db/client.ts';
import { withTenant } from '../../db/tenant.ts';

/** What must never be found in a store, whatever happened: each query finds offending rows. */
const offences: Record<string, SQL> = {
  'a placement without message': sql`
    select p.folder_id, p.uid from placements p
    where not exists (select from messages m where m.id = p.message_id)`,
  'a placement without folder': sql`
    select p.folder_id, p.uid from placements p
    where not exists (select from folders f where f.id = p.folder_id)`,
  'a visible message that lies nowhere': sql`
    select m.id from messages m where m.hidden_at is null and not exists (
      select from placements p where p.message_id = m.id and p.hidden_at is null)`,
  'a hidden message in a visible place': sql`
    select m.id from messages m where m.hidden_at is not null and exists (
      select from placements p where p.message_id = m.id and p.hidden_at is null)`,
  'a message in two places at a server without stable ids': sql`
    select message_id from placements where hidden_at is null
    group by message_id having count(*) > 1`,
  'a visible place in a hidden folder': sql`
    select p.folder_id, p.uid from placements p join folders f on f.id = p.folder_id
    where p.hidden_at is null and f.hidden_at is not null`,
  'a participant without message': sql`
    select p.message_id from participants p
    where not exists (select from messages m where m.id = p.message_id)`,
  'a participant without address': sql`
    select p.message_id from participants p
    where not exists (select from addresses a where a.id = p.address_id)`,
  'an address that nobody has': sql`
    select a.id from addresses a
    where not exists (select from participants p where p.address_id = a.id)`,
  'a keyword without a name': sql`
    select p.folder_id, p.uid from placements p cross join unnest(p.label_ids) as label
    where not exists (select from labels l where l.id = label)`,
  'a folder without collection': sql`
    select f.id from folders f where not exists (select from collections c where c.id = f.id)`,
  'a collection that counts wrongly': sql`
    select c.id, c.stored, count(p.uid)::int as counted
    from collections c left join placements p on p.folder_id = c.id and p.hidden_at is null
    group by c.id, c.stored having c.stored <> count(p.uid)`,
};

/** Everything that is wrong with a tenant's rows by themselves, at any committed moment. */
export async function findOffences(database: Database, tenantId: string): Promise<string[]> {
  return await withTenant(database, tenantId, async (tx) => {
    const found: string[] = [];
    for (const [what, query] of Object.entries(offences)) {
      found.push(...(await offendersOf(tx, what, query)));
    }
    return found;
  });
}

async function offendersOf(tx: Tx, what: string, query: SQL): Promise<string[]> {
  const rows = await tx.execute(query);
  return rows.map((row) => `${what}: ${JSON.stringify(row)}`);
}
