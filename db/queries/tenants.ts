import { sql } from 'drizzle-orm';
import type { Tx } from '../client.ts';
import type { ListWindow } from './keyset.ts';

export interface TenantRow {
  id: string;
  name: string;
  region: string | null;
  state: string;
  epoch: number;
  createdAt: string;
}

const columns = sql`id, name, region, state, epoch, created_at as "createdAt"`;

/** Enters a tenant into the directory. Its keys must exist already (`keyring.create`). */
export async function insertTenant(
  tx: Pick<Tx, 'execute'>,
  tenant: { id: string; name: string; region: string | null },
): Promise<TenantRow> {
  const [row] = await tx.execute<TenantRow & Record<string, unknown>>(sql`
    insert into directory.tenants (id, name, region)
    values (${tenant.id}, ${tenant.name}, ${tenant.region}) returning ${columns}`);
  return row!;
}

/** Newest first; ids are time-ordered, so the id alone is the sort key. */
export async function listTenants(
  tx: Pick<Tx, 'execute'>,
  { after, limit }: ListWindow,
): Promise<TenantRow[]> {
  const older = after ? sql`where id < ${after.id}::uuid` : sql``;
  return await tx.execute<TenantRow & Record<string, unknown>>(sql`
    select ${columns} from directory.tenants ${older} order by id desc limit ${limit}`);
}

export async function readTenant(
  tx: Pick<Tx, 'execute'>,
  id: string,
): Promise<TenantRow | undefined> {
  const [row] = await tx.execute<TenantRow & Record<string, unknown>>(sql`
    select ${columns} from directory.tenants where id = ${id}`);
  return row;
}
