-- The foundation: tenants, members, connections and mail.
--
-- Three schemas. `directory` is what must be found before the tenant is known; it holds no personal
-- data and stands outside row-level security. `admin` belongs to the installation. `public` holds
-- tenants' rows: there row-level security is forced on every table and the tenant is part of every
-- unique key.

create schema directory;
create schema admin;

-- Product time. One function, so that a sandbox can move its clock.
create function public.steward_now() returns timestamptz
  language sql stable parallel safe
  return now();

-- ---------------------------------------------------------------------------------------------
-- directory

create table directory.tenants (
  id uuid primary key,
  name text not null,
  region text,
  state text not null default 'active',
  epoch integer not null default 1,
  created_at timestamptz not null default steward_now()
);

create table directory.connections (
  id uuid not null,
  capability text not null,
  tenant_id uuid not null,
  provider text not null,
  wanted text not null default 'run' check (wanted in ('run', 'paused', 'disconnected')),
  watch_shard smallint,
  generation integer not null default 1,
  closed_at timestamptz,
  created_at timestamptz not null default steward_now(),
  primary key (id, capability)
);
create index connections_by_tenant on directory.connections (tenant_id);
create index connections_by_shard on directory.connections (watch_shard)
  where closed_at is null;

create table directory.api_keys (
  id uuid primary key,
  tenant_id uuid not null,
  hash bytea not null unique,
  created_at timestamptz not null default steward_now(),
  revoked_at timestamptz
);
create index api_keys_by_tenant on directory.api_keys (tenant_id);

-- ---------------------------------------------------------------------------------------------
-- admin

create table admin.operators (
  id uuid primary key,
  name text not null,
  key_hash bytea not null unique,
  created_at timestamptz not null default steward_now(),
  revoked_at timestamptz
);

create table admin.audit_log (
  seq bigint primary key,
  tenant_id uuid,
  actor text not null,
  action text not null,
  target text not null,
  at timestamptz not null,
  previous_hash bytea not null unique,
  hash bytea not null unique
);
create index audit_log_by_tenant on admin.audit_log (tenant_id, seq) where tenant_id is not null;

-- A part of a hashed row, with its length in front: ('a', 'bc') and ('ab', 'c') must differ.
create function admin.audit_part(part text) returns text
  language sql immutable parallel safe
  return octet_length(part) || ':' || part;

-- Chains a row to the one before it. The lock makes writers take turns until they commit, so that
-- the chain cannot fork; what the writer gave for the chain's own columns is overwritten.
create function admin.chain_audit_row() returns trigger language plpgsql as $$
declare
  last admin.audit_log;
begin
  perform pg_advisory_xact_lock(x'6175'::integer, 0);
  select * into last from admin.audit_log order by seq desc limit 1;
  new.seq := coalesce(last.seq, 0) + 1;
  new.at := public.steward_now();
  new.previous_hash := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
  new.hash := sha256(new.previous_hash || convert_to(
    admin.audit_part(new.seq::text)
      || admin.audit_part(coalesce(new.tenant_id::text, ''))
      || admin.audit_part(new.actor)
      || admin.audit_part(new.action)
      || admin.audit_part(new.target)
      || admin.audit_part((extract(epoch from new.at) * 1000000)::bigint::text),
    'UTF8'));
  return new;
end $$;

create trigger chain before insert on admin.audit_log
  for each row execute function admin.chain_audit_row();

create function admin.refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception using errcode = 'SA001', message = 'The audit log is append-only.';
end $$;

create trigger append_only before update or delete or truncate on admin.audit_log
  for each statement execute function admin.refuse_audit_change();

-- ---------------------------------------------------------------------------------------------
-- members and connections

create table members (
  id uuid not null,
  tenant_id uuid not null,
  profile bytea not null,
  email_index uuid not null,
  role text not null check (role in ('owner', 'admin', 'member')),
  created_at timestamptz not null default steward_now(),
  left_at timestamptz,
  primary key (tenant_id, id)
);
-- Somebody who left may be invited again as a new member.
create unique index members_by_email on members (tenant_id, email_index) where left_at is null;

create table connections (
  id uuid not null,
  tenant_id uuid not null,
  member_id uuid not null,
  provider text not null,
  capabilities text[] not null,
  credentials bytea,
  profile bytea not null,
  account_index uuid not null,
  backfill_since date,
  created_at timestamptz not null default steward_now(),
  disconnected_at timestamptz,
  erase_after timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, account_index)
);
create index connections_by_member on connections (tenant_id, member_id);

create table sync_status (
  tenant_id uuid not null,
  connection_id uuid not null,
  capability text not null,
  state text not null,
  reason text,
  state_since timestamptz not null default steward_now(),
  last_error_kind text,
  last_error_at timestamptz,
  next_attempt_at timestamptz,
  login_strikes smallint not null default 0,
  caught_up_at timestamptz,
  behind_since timestamptz,
  watch_seen_at timestamptz,
  backfill_done_at timestamptz,
  primary key (tenant_id, connection_id, capability)
) with (fillfactor = 50);

create table collections (
  id uuid not null,
  tenant_id uuid not null,
  connection_id uuid not null,
  live_cursor jsonb,
  backfill_cursor jsonb,
  backfill_done boolean not null default false,
  mark text,
  stored integer not null default 0,
  expected integer not null default 0,
  primary key (tenant_id, id)
) with (fillfactor = 50);
create index collections_by_connection on collections (tenant_id, connection_id);

create table folders (
  id uuid not null,
  tenant_id uuid not null,
  connection_id uuid not null,
  name bytea not null,
  role text,
  uid_validity text,
  excluded boolean not null default false,
  created_at timestamptz not null default steward_now(),
  hidden_at timestamptz,
  primary key (tenant_id, id)
);
create index folders_by_connection on folders (tenant_id, connection_id);

-- ---------------------------------------------------------------------------------------------
-- mail

create table messages (
  id uuid not null,
  tenant_id uuid not null,
  connection_id uuid not null,
  thread_id uuid not null,
  envelope bytea not null,
  body bytea not null,
  message_id_index uuid,
  twin_index uuid not null,
  content_index uuid not null,
  sent_at timestamptz,
  received_at timestamptz not null,
  size integer not null,
  direction text not null,
  origin text not null,
  tracked boolean not null default false,
  has_attachments boolean not null,
  created_at timestamptz not null default steward_now(),
  hidden_at timestamptz,
  primary key (tenant_id, id)
);
create index messages_by_connection
  on messages (tenant_id, connection_id, received_at desc, id desc);
create index messages_by_time on messages (tenant_id, received_at desc, id desc);
create index messages_by_thread on messages (tenant_id, thread_id);
create index messages_tracked on messages (tenant_id, received_at desc, id desc) where tracked;
create index messages_by_twin on messages (tenant_id, twin_index);
create index messages_by_message_id on messages (tenant_id, message_id_index)
  where message_id_index is not null;
create index messages_hidden on messages (tenant_id, connection_id, hidden_at)
  where hidden_at is not null;

create table placements (
  tenant_id uuid not null,
  folder_id uuid not null,
  uid bigint not null,
  connection_id uuid not null,
  message_id uuid not null,
  flags smallint not null,
  label_ids uuid[] not null,
  version bigint not null,
  hidden_at timestamptz,
  primary key (tenant_id, folder_id, uid)
) with (fillfactor = 90);
create index placements_by_message on placements (tenant_id, message_id);
create index placements_visible on placements (tenant_id, folder_id, uid)
  include (message_id) where hidden_at is null;
create index placements_hidden on placements (tenant_id, connection_id, hidden_at)
  where hidden_at is not null;

create table labels (
  id uuid not null,
  tenant_id uuid not null,
  connection_id uuid not null,
  name bytea not null,
  primary key (tenant_id, id)
);

create table participants (
  tenant_id uuid not null,
  message_id uuid not null,
  role text not null,
  address_id uuid not null,
  connection_id uuid not null,
  primary key (tenant_id, message_id, role, address_id)
);
create index participants_by_address on participants (tenant_id, address_id, message_id);

create table addresses (
  tenant_id uuid not null,
  id uuid not null,
  address bytea not null,
  primary key (tenant_id, id)
);

create table thread_references (
  tenant_id uuid not null,
  connection_id uuid not null,
  message_id_index uuid not null,
  thread_id uuid not null,
  primary key (tenant_id, connection_id, message_id_index)
);
create index thread_references_by_thread
  on thread_references (tenant_id, connection_id, thread_id);

create table tombstones (
  tenant_id uuid not null,
  folder_id uuid not null,
  uid_validity text not null,
  uid bigint not null,
  connection_id uuid not null,
  at timestamptz not null default steward_now(),
  primary key (tenant_id, folder_id, uid_validity, uid)
);
create index tombstones_by_age on tombstones (tenant_id, connection_id, at);

create table skips (
  id uuid not null,
  tenant_id uuid not null,
  connection_id uuid not null,
  folder_id uuid not null,
  uid bigint not null,
  uid_validity text not null,
  reason text not null,
  strikes smallint not null,
  quarantined_at timestamptz,
  created_at timestamptz not null default steward_now(),
  primary key (tenant_id, id),
  unique (tenant_id, folder_id, uid_validity, uid)
);
create index skips_by_connection on skips (tenant_id, connection_id, created_at, id);

create table idempotency_keys (
  tenant_id uuid not null,
  id uuid not null,
  request_hash bytea not null,
  status smallint,
  response bytea,
  created_at timestamptz not null default steward_now(),
  primary key (tenant_id, id)
);
create index idempotency_keys_by_age on idempotency_keys (tenant_id, created_at);

-- ---------------------------------------------------------------------------------------------
-- storage: sealed bytes don't compress again; busy tables are swept early

alter table members alter column profile set storage external;
alter table connections alter column credentials set storage external;
alter table connections alter column profile set storage external;
alter table folders alter column name set storage external;
alter table messages alter column envelope set storage external;
alter table messages alter column body set storage external;
alter table labels alter column name set storage external;
alter table addresses alter column address set storage external;
alter table idempotency_keys alter column response set storage external;

alter table messages set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table placements set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table participants set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table thread_references set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
-- Few rows, rewritten with every page: by count, not by share.
alter table collections set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
alter table sync_status set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- ---------------------------------------------------------------------------------------------
-- row-level security: no context, no rows; forced, so that it binds the owner as well

alter table members enable row level security, force row level security;
alter table connections enable row level security, force row level security;
alter table sync_status enable row level security, force row level security;
alter table collections enable row level security, force row level security;
alter table folders enable row level security, force row level security;
alter table messages enable row level security, force row level security;
alter table placements enable row level security, force row level security;
alter table labels enable row level security, force row level security;
alter table participants enable row level security, force row level security;
alter table addresses enable row level security, force row level security;
alter table thread_references enable row level security, force row level security;
alter table tombstones enable row level security, force row level security;
alter table skips enable row level security, force row level security;
alter table idempotency_keys enable row level security, force row level security;

create policy tenant on members
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on connections
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on sync_status
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on collections
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on folders
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on messages
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on placements
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on labels
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on participants
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on addresses
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on thread_references
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on tombstones
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on skips
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);
create policy tenant on idempotency_keys
  using (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid)
  with check (tenant_id = nullif(current_setting('steward.tenant_id', true), '')::uuid);

-- ---------------------------------------------------------------------------------------------
-- the fence: the last wall before synced rows

-- Compares the licence that the transaction states with the counters as they are now. Once a
-- statement, whatever the number of rows. The format is `connection:generation:epoch:capability`.
create function public.check_fence() returns trigger language plpgsql as $$
declare
  fence text[] := string_to_array(nullif(current_setting('steward.fence', true), ''), ':');
begin
  if fence is null or not exists (
    select from directory.connections c join directory.tenants t on t.id = c.tenant_id
    where c.id = fence[1]::uuid and c.generation = fence[2]::integer
      and t.epoch = fence[3]::integer and c.capability = fence[4] and t.state = 'active'
      and t.id = nullif(current_setting('steward.tenant_id', true), '')::uuid
  ) then
    raise exception using errcode = 'SF001',
      message = format('The fence refuses to write %I: no licence, or a stale one.', tg_table_name);
  end if;
  return null;
end $$;

create trigger fence before insert or update or delete on collections
  for each statement execute function check_fence();
create trigger fence before insert or update or delete on folders
  for each statement execute function check_fence();
create trigger fence before insert or update or delete on messages
  for each statement execute function check_fence();
create trigger fence before insert or update or delete on placements
  for each statement execute function check_fence();
create trigger fence before insert or update or delete on labels
  for each statement execute function check_fence();
create trigger fence before insert or update or delete on participants
  for each statement execute function check_fence();
create trigger fence before insert or update or delete on thread_references
  for each statement execute function check_fence();
create trigger fence before insert or update or delete on tombstones
  for each statement execute function check_fence();
create trigger fence before insert or update or delete on skips
  for each statement execute function check_fence();

-- ---------------------------------------------------------------------------------------------
-- the application's role: reads and writes rows, owns nothing, changes no structure

revoke all on schema public from public;
grant usage on schema public, directory, admin to steward_app;
grant select, insert, update on directory.tenants, directory.connections, directory.api_keys
  to steward_app;
grant select, insert on admin.operators to steward_app;
grant update (revoked_at) on admin.operators to steward_app;
grant select, insert (tenant_id, actor, action, target) on admin.audit_log to steward_app;
grant select, insert, update, delete on
  members, connections, sync_status, collections, folders, messages, placements, labels,
  participants, addresses, thread_references, tombstones, skips, idempotency_keys
  to steward_app;
