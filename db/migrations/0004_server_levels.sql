-- What servers do to single folders.

-- Why the provider will not hand out a collection that it lists: the failure's code. The others go
-- on, and it is tried again by every slice that looks at it.
alter table collections add column trouble text;
