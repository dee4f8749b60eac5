import { migrate } from '../../db/migrate.ts';
import { readEnv } from '../../runtime/env.ts';

/** Applies what is new to both databases; run it before the processes of a new version start. */
const env = readEnv();
const applied = await migrate({ ownerUrl: env.databaseOwnerUrl, keysUrl: env.keysDatabaseUrl });
process.stdout.write(
  applied.length === 0 ? 'Nothing to migrate.\n' : `Applied ${applied.join(', ')}.\n`,
);
