-- What was refused lately is counted with every look at a connection; what was done is far more.
create index intents_refused on intents (tenant_id, connection_id, finished_at)
  where state = 'refused';
