-- Intents: changes asked for through the API that the provider has not confirmed yet.
--
-- The API inserts them (they are what people say); everything after that is a slice's work, under
-- the fence. `position` is the order in which they were asked for: ids are time-ordered by the
-- millisecond only.

create table intents (
  id uuid not null,
  tenant_id uuid not null,
  connection_id uuid not null,
  position bigint not null generated always as identity,
  member_id uuid not null,
  kind text not null check (kind in
    ('flags', 'move', 'delete', 'create-folder', 'rename-folder', 'delete-folder')),
  message_id uuid,
  folder_id uuid,
  add_flags smallint not null default 0,
  remove_flags smallint not null default 0,
  change bytea,
  state text not null default 'pending' check (state in ('pending', 'done', 'refused')),
  reason text,
  attempts smallint not null default 0,
  copies_from bigint,
  created_at timestamptz not null default steward_now(),
  attempted_at timestamptz,
  finished_at timestamptz,
  primary key (tenant_id, id)
);
create index intents_pending on intents (tenant_id, connection_id, position)
  where state = 'pending';
create index intents_by_connection on intents (tenant_id, connection_id, created_at, id);
create index intents_by_message on intents (tenant_id, message_id, position)
  where message_id is not null;
create index intents_deleting on intents (tenant_id, message_id)
  where kind = 'delete' and state = 'pending';
create index intents_moving on intents (tenant_id, message_id, position)
  where kind = 'move' and state = 'pending';
create index intents_finished on intents (tenant_id, connection_id, finished_at)
  where finished_at is not null;

alter table intents alter column change set storage external;
-- Most rows are written twice and read while they are pending: swept early, by count.
alter table intents set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

alter table intents enable row level security, force row level security;
create policy tenant on intents
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);

-- Asking needs no licence, finishing and erasing do.
create trigger fence before update or delete on intents
  for each statement execute function check_fence();

grant select, insert, update, delete on intents to steward_app;
