-- Reconciliation, the deletion brake, and folders that keep their ids when they are renamed.

-- What people ask for stands with the connection; the slices compare it with what they have done.
alter table connections
  add column resync_requested_at timestamptz,
  add column reconcile_requested_at timestamptz,
  add column deletions_confirmed_at timestamptz;

alter table sync_status
  add column resynced_at timestamptz,
  add column reconcile_started_at timestamptz,
  add column reconciled_at timestamptz,
  add column deletions_held integer not null default 0;

-- Null while the folder stands under the name that its id was derived from.
alter table folders add column ref_index uuid, add column object_index uuid;
create unique index folders_by_ref
  on folders (tenant_id, connection_id, coalesce(ref_index, id)) where hidden_at is null;

-- Set while the brake holds the deletion of an item that the provider shows no more.
alter table placements add column missing_at timestamptz;
create index placements_missing on placements (tenant_id, connection_id, folder_id)
  where missing_at is not null;

-- Whether the provider said so itself, or a complete listing did not show the item.
alter table tombstones add column inferred boolean not null default false;

-- One row a folder and run; without a folder, what stood in no folder at all.
create table reconciliations (
  id uuid not null,
  tenant_id uuid not null,
  connection_id uuid not null,
  folder_id uuid,
  uid_validity text,
  started_at timestamptz not null default steward_now(),
  finished_at timestamptz,
  counted_uid bigint not null default 0,
  healed_uid bigint not null default 0,
  listed integer not null default 0,
  outside integer not null default 0,
  stored integer not null default 0,
  missing_before integer not null default 0,
  missing_after integer not null default 0,
  extra integer not null default 0,
  altered integer not null default 0,
  skipped jsonb not null default '{}',
  primary key (tenant_id, id)
);
create unique index reconciliations_running on reconciliations (tenant_id, folder_id)
  where finished_at is null;
create index reconciliations_by_time
  on reconciliations (tenant_id, connection_id, started_at desc);

alter table reconciliations enable row level security, force row level security;
create policy tenant on reconciliations
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create trigger fence before insert or update or delete on reconciliations
  for each statement execute function check_fence();
grant select, insert, update, delete on reconciliations to steward_app;
