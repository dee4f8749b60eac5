-- Statistics name the tenants that are there. To the planner a new one has no rows, so that any index
-- that begins with the tenant looks as good as the one for the question, and an import read all that
-- the mailbox had by then for each of its messages. Without statistics a tenant is taken for a
-- two-hundredth of a table, always.
do $$
declare
  name text;
begin
  for name in
    select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attname = 'tenant_id'
  loop
    execute format('alter table public.%I alter column tenant_id set statistics 0', name);
    perform pg_clear_attribute_stats('public', name, 'tenant_id', false);
  end loop;
end $$;
