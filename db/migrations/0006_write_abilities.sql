-- What the provider lets be changed, as the live loop found it last; null before its first look.
alter table sync_status add column abilities text[];
