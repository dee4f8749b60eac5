-- Before the first ANALYZE the planner takes a row without a value for the exception. What is not
-- hidden has no `hidden_at`, and a list of it would rather sort a mailbox than walk its index.
-- Postgres 17 cannot be told, and waits for the first ANALYZE.
do $$
begin
  if to_regproc('pg_catalog.pg_restore_attribute_stats') is not null then
    perform pg_restore_attribute_stats(
      'schemaname', 'public', 'relname', name, 'attname', 'hidden_at', 'inherited', false,
      'null_frac', 0.99::real, 'avg_width', 8, 'n_distinct', -0.01::real)
    from unnest(array['messages', 'placements']) as name;
  end if;
end $$;
