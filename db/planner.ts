import type { TransactionSql } from 'postgres';

/**
 * Tells the planner that a table is all one tenant's: each other key implies the tenant, which
 * therefore narrows nothing down. Statistics of its own would list the tenants that are there; any
 * other would have no rows, and every index that begins with the tenant would look as good as the
 * one for the question. Nothing overwrites what is set here, but a dump does not carry it: it is set
 * whenever migrations run. Postgres 17 has no function for it, and takes a tenant without statistics
 * for a two-hundredth of the table: better than none, in tables of more than a million rows as good.
 *
 * Not for the keys: who asks for a tenant's names nothing else, and shall find them by an index.
 */
export async function forgetTenants(tx: TransactionSql): Promise<void> {
  await tx.unsafe(`
    do $$
    declare
      name text;
    begin
      for name in
        select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
          and a.attname = 'tenant_id'
      loop
        execute format('alter table public.%I alter column tenant_id set statistics 0', name);
        if to_regproc('pg_catalog.pg_restore_attribute_stats') is not null then
          perform pg_restore_attribute_stats(
            'schemaname', 'public', 'relname', name, 'attname', 'tenant_id', 'inherited', false,
            'null_frac', 0::real, 'avg_width', 16, 'n_distinct', 1::real);
        end if;
      end loop;
    end $$`);
}
