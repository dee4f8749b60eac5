-- When what a request with an Idempotency-Key asked for was carried out, written in the transaction that
-- did so: without its answer it must not be carried out again.
alter table idempotency_keys add column done_at timestamptz;
