-- Keys and tokens that may do a part of what a tenant may. Those that are there keep everything.
alter table directory.api_keys add column scopes text[] not null
  default array['mail:read', 'mail:write', 'connections:read', 'connections:write', 'members:read',
    'members:write', 'keys:read', 'keys:write', 'tokens:write', 'audit:read']
  check (cardinality(scopes) > 0);
alter table directory.api_keys alter column scopes drop default;

alter table directory.member_tokens add column scopes text[] not null
  default array['mail:read', 'mail:write', 'connections:read', 'connections:write', 'members:read',
    'members:write', 'keys:read', 'keys:write', 'tokens:write', 'audit:read']
  check (cardinality(scopes) > 0);
alter table directory.member_tokens alter column scopes drop default;
