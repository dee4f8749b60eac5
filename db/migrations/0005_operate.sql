-- Keys that people can tell apart, and short-lived tokens for browsers.

-- A word of the CRM's own for what uses the key; the directory holds no personal data.
alter table directory.api_keys
  add column label text check (label ~ '^[a-z0-9][a-z0-9-]{0,39}$');

-- A token speaks for one member until it expires. It must be found before the tenant is known, and
-- it ends with the key that made it.
create table directory.member_tokens (
  id uuid primary key,
  tenant_id uuid not null,
  key_id uuid not null references directory.api_keys (id),
  member_id uuid not null,
  hash bytea not null unique,
  created_at timestamptz not null default steward_now(),
  expires_at timestamptz not null
);
create index member_tokens_by_member on directory.member_tokens (tenant_id, member_id);
create index member_tokens_by_expiry on directory.member_tokens (tenant_id, expires_at);

grant select, insert, delete on directory.member_tokens to steward_app;
