import { openDatabase } from '../../db/client.ts';
import { readEnv } from '../../runtime/env.ts';
import { rootKeyIdOf } from '../../runtime/root-keys.ts';
import { rotateKeys } from '../rotate-keys.ts';
import { runCommand } from '../run-command.ts';

/**
 * `npm run keys:rotate`: wraps all tenants' keys under the first of the root keys it is given. Both
 * URLs name owners, as for `migrate`: the role of the processes can't change a wrapped key.
 */
const applicationName = 'steward-rotate-keys';

await runCommand('DATABASE_OWNER_URL or KEYS_DATABASE_URL', async () => {
  const { rootKeys, keysDatabaseUrl, databaseOwnerUrl } = readEnv();
  const keys = openDatabase(keysDatabaseUrl, { poolMax: 1, applicationName });
  const data = openDatabase(databaseOwnerUrl, { poolMax: 1, applicationName });
  const rootKeyId = rootKeyIdOf(rootKeys[0]!);
  try {
    const rewrapped = await rotateKeys(
      { keys, data },
      {
        rootKeys,
        onProgress: (count) => process.stdout.write(`${count} keys wrapped by ${rootKeyId} …\n`),
      },
    );
    process.stdout.write(
      `All keys are wrapped by root key ${rootKeyId}; ${rewrapped} were wrapped anew. ` +
        'Start the processes with this key alone now.\n',
    );
  } finally {
    await Promise.all([keys.close(), data.close()]);
  }
});
