-- An account is free for others once its member has left. Those who left before this was so kept theirs
-- for good. Forced row-level security binds the owner as well, who sees no tenant's rows then: it is
-- lifted for this one statement, in a transaction that nobody else looks into.
alter table members no force row level security;
alter table connections no force row level security;

update connections c set account_index = gen_random_uuid()
from members m
where m.tenant_id = c.tenant_id and m.id = c.member_id and m.left_at is not null;

alter table members force row level security;
alter table connections force row level security;
