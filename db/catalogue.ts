import { columnsOf, table, type CatalogueTable } from './catalogue/columns.ts';
import { tenantTables } from './catalogue/tenant-tables.ts';

/**
 * The one list of every column of both databases: what it holds, and how it is exported, erased
 * and verified. A test compares it with what the migrations made.
 */
export const catalogue: readonly CatalogueTable[] = [
  ...tenantTables,
  table(
    'directory.tenants',
    { export: 'plain', erase: 'row', verify: 'no-rows' },
    {
      id: 'id',
      name: 'tenant-name',
      region: 'word',
      state: 'state',
      epoch: 'count',
      created_at: 'time',
    },
  ),
  table(
    'directory.connections',
    { export: 'no', erase: 'row', verify: 'no-rows' },
    {
      id: 'id',
      capability: 'word',
      tenant_id: 'id',
      provider: 'word',
      wanted: 'state',
      watch_shard: 'count',
      generation: 'count',
      closed_at: 'time',
      created_at: 'time',
    },
  ),
  table(
    'directory.api_keys',
    { export: 'no', erase: 'row', verify: 'no-rows' },
    {
      id: 'id',
      tenant_id: 'id',
      hash: 'hash',
      created_at: 'time',
      revoked_at: 'time',
      label: 'word',
      scopes: 'word',
    },
  ),
  table(
    'directory.member_tokens',
    { export: 'no', erase: 'row', verify: 'no-rows' },
    {
      id: 'id',
      tenant_id: 'id',
      key_id: 'id',
      member_id: 'id',
      hash: 'hash',
      created_at: 'time',
      expires_at: 'time',
      scopes: 'word',
    },
  ),
  table(
    'admin.operators',
    { export: 'no', erase: 'kept', verify: 'none' },
    {
      id: 'id',
      name: 'operator-name',
      key_hash: 'hash',
      created_at: 'time',
      revoked_at: 'time',
    },
  ),
  table(
    'admin.audit_log',
    { export: 'no', erase: 'kept', verify: 'none' },
    {
      seq: 'count',
      tenant_id: 'id',
      actor: 'id',
      action: 'word',
      target: 'id',
      at: 'time',
      previous_hash: 'hash',
      hash: 'hash',
    },
  ),
  migrations('data'),
  migrations('keys'),
  {
    database: 'keys',
    name: 'public.wrapped_keys',
    columns: columnsOf(
      { export: 'no', erase: 'row', verify: 'no-key' },
      {
        tenant_id: 'id',
        purpose: 'word',
        version: 'count',
        root_key_id: 'hash',
        wrapped: 'key',
        created_at: 'time',
      },
    ),
  },
];

function migrations(database: CatalogueTable['database']): CatalogueTable {
  const columns = columnsOf(
    { export: 'no', erase: 'kept', verify: 'none' },
    { name: 'word', checksum: 'hash', applied_at: 'time' },
  );
  return { database, name: 'migrations.applied', columns };
}
