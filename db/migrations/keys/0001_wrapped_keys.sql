-- The keys database: tenants' keys, wrapped by the root key, and nothing else. It is a database of
-- its own so that a backup of the data never holds the keys to it.

create table public.wrapped_keys (
  tenant_id uuid not null,
  purpose text not null check (purpose in ('data', 'index')),
  version integer not null check (version > 0),
  root_key_id text not null,
  wrapped bytea not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, purpose, version)
);

alter table public.wrapped_keys alter column wrapped set storage external;

revoke all on schema public from public;
grant usage on schema public to steward_keys;
grant select, insert on public.wrapped_keys to steward_keys;
