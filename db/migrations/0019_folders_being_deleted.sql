-- Every read of mail asks which folders are to be deleted, for what lies in them goes with them.
create index intents_deleting_folders on intents (tenant_id, folder_id)
  where kind = 'delete-folder' and state = 'pending';
