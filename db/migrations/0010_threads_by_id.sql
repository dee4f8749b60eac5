-- Of references only the whole key may look like the short way to one of them: an index that begins
-- with the connection reads all that the connection has, and a planner without statistics took it.
drop index thread_references_by_thread;
create index thread_references_by_thread on thread_references (tenant_id, thread_id);
