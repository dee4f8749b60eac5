-- When a look last compared what no counter shows and erased what was due: pokes must not put it off for ever.
alter table sync_status add column safety_looked_at timestamptz;

-- Until when the provider asked to be left alone, by the database's clock.
alter table sync_status add column throttled_until timestamptz;
