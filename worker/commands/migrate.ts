import { migrate } from '../../db/migrate.ts';
import { readEnv } from '../../runtime/env.ts';
import { runCommand } from '../run-command.ts';

/** Applies what is new to both databases; run it before the processes of a new version start. */
await runCommand('DATABASE_OWNER_URL or KEYS_DATABASE_URL', async () => {
  const env = readEnv();
  const applied = await migrate({ ownerUrl: env.databaseOwnerUrl, keysUrl: env.keysDatabaseUrl });
  process.stdout.write(
    applied.length === 0 ? 'Nothing to migrate.\n' : `Applied ${applied.join(', ')}.\n`,
  );
});
