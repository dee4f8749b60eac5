-- Changes of a connection that the slices take up.
--
-- The API notes with the connection under which generation something changed; `sync_status` and the
-- collections belong to the slices, which write there what follows. Generations are compared rather
-- than times, because a transition waits for its lock after its clock has been read.

alter table connections
  add column credentials_generation integer not null default 0,
  add column history_generation integer not null default 0;

alter table sync_status add column taken_up_generation integer not null default 0;
