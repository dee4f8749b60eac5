import { sql } from 'drizzle-orm';
import type { Tx } from '../client.ts';
import type { ListWindow } from './keyset.ts';

export interface OperatorRow {
  id: string;
  name: string;
  createdAt: string;
  revokedAt: string | null;
}

const columns = sql`id, name, created_at as "createdAt", revoked_at as "revokedAt"`;

/** A named person with a key of their own; only the key's hash is stored. */
export async function insertOperator(
  tx: Pick<Tx, 'execute'>,
  operator: { id: string; name: string; keyHash: Uint8Array },
): Promise<OperatorRow> {
  const [row] = await tx.execute<OperatorRow & Record<string, unknown>>(sql`
    insert into admin.operators (id, name, key_hash)
    values (${operator.id}, ${operator.name}, ${sql.param(operator.keyHash)})
    returning ${columns}`);
  return row!;
}

/** Newest first; ids are time-ordered, so the id alone is the sort key. */
export async function listOperators(
  tx: Pick<Tx, 'execute'>,
  { after, limit }: ListWindow,
): Promise<OperatorRow[]> {
  const older = after ? sql`where id < ${after.id}::uuid` : sql``;
  return await tx.execute<OperatorRow & Record<string, unknown>>(sql`
    select ${columns} from admin.operators ${older} order by id desc limit ${limit}`);
}

/** Ends an operator's access. False when there is no such operator with access. */
export async function revokeOperator(tx: Pick<Tx, 'execute'>, id: string): Promise<boolean> {
  const rows = await tx.execute(sql`
    update admin.operators set revoked_at = steward_now()
    where id = ${id} and revoked_at is null returning id`);
  return rows.length > 0;
}

/** Whose key it is, unless it was revoked. */
export async function findOperatorByKeyHash(
  tx: Pick<Tx, 'execute'>,
  keyHash: Uint8Array,
): Promise<{ id: string; name: string } | undefined> {
  const [row] = await tx.execute<{ id: string; name: string }>(sql`
    select id, name from admin.operators
    where key_hash = ${sql.param(keyHash)} and revoked_at is null`);
  return row;
}
