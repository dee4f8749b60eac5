import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Database, Tx } from '../client.ts';

/** An administrative act: ids and words of ours only, never personal data. */
export interface AuditEntry {
  /** The tenant that it concerns; null for the installation itself. */
  tenantId: string | null;
  /** `operator:<id>`, `key:<id>`, `member:<id>` or `system`. */
  actor: string;
  action: string;
  target: string;
}

export interface AuditVerdict {
  ok: boolean;
  /** How many entries, from the first on, are proven. */
  count: number;
  /** The position of the first entry that is missing or was changed, or is not the one noted. */
  brokenAt: number | null;
  /** Hash of the last proven entry; noted elsewhere, it shows later that the end was not cut off. */
  head: string;
}

/** What an earlier verification said of the log: so many entries, the last with this hash. */
export type NotedHead = Pick<AuditVerdict, 'count' | 'head'>;

/** So many entries are held in memory at once while the chain is verified. */
const verifyBatchSize = 5_000;

const genesis = Buffer.alloc(32);

/**
 * Appends an entry in the caller's transaction. The database chains it (see the migration); until
 * the transaction ends nobody else can append, so make it the last statement.
 */
export async function recordAudit(tx: Pick<Tx, 'execute'>, entry: AuditEntry): Promise<void> {
  await tx.execute(sql`
    insert into admin.audit_log (tenant_id, actor, action, target)
    values (${entry.tenantId}, ${entry.actor}, ${entry.action}, ${entry.target})`);
}

/**
 * Recomputes the whole chain here rather than in the database, whose functions an intruder could
 * have changed with the rows. Whoever can cut off the end can let it grow again with hashes that match:
 * that shows only against heads that were noted before.
 */
export async function verifyAudit(
  { db }: Database,
  noted: readonly NotedHead[] = [],
): Promise<AuditVerdict> {
  let count = 0;
  let head: Uint8Array = genesis;
  const contradicts = (position: number, hash: Uint8Array): boolean =>
    noted.some((note) => note.count === position && note.head !== toHex(hash));
  if (contradicts(0, genesis)) return { ok: false, count, brokenAt: 0, head: toHex(head) };
  for (;;) {
    const rows = await db.execute<AuditRow & Record<string, unknown>>(sql`
      select seq::text as position, tenant_id::text as "tenantId", actor, action, target,
        (extract(epoch from at) * 1000000)::bigint::text as "atMicros",
        previous_hash as "previousHash", hash
      from admin.audit_log where seq > ${count} order by seq limit ${verifyBatchSize}`);
    for (const row of rows) {
      const expected = count + 1;
      const linked =
        row.position === String(expected) && Buffer.compare(row.previousHash, head) === 0;
      const genuine = linked && Buffer.compare(row.hash, hashOf(row)) === 0;
      if (!genuine || contradicts(expected, row.hash)) {
        return { ok: false, count, brokenAt: expected, head: toHex(head) };
      }
      count = expected;
      head = row.hash;
    }
    if (rows.length < verifyBatchSize) {
      const cutOff = noted.some((note) => note.count > count);
      return { ok: !cutOff, count, brokenAt: cutOff ? count + 1 : null, head: toHex(head) };
    }
  }
}

interface AuditRow {
  position: string;
  tenantId: string | null;
  actor: string;
  action: string;
  target: string;
  atMicros: string;
  previousHash: Uint8Array;
  hash: Uint8Array;
}

/** The same encoding as `admin.chain_audit_row` in the migration. */
function hashOf(row: AuditRow): Buffer {
  const parts = [row.position, row.tenantId ?? '', row.actor, row.action, row.target, row.atMicros];
  const text = parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join('');
  return createHash('sha256').update(row.previousHash).update(text).digest();
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
