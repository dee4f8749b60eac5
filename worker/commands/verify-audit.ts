import { openDatabase } from '../../db/client.ts';
import { verifyAudit } from '../../db/queries/audit.ts';
import { readEnv } from '../../runtime/env.ts';
import { runCommand } from '../run-command.ts';

/** Verifies the audit chain; exit code 1 when it is broken. */
await runCommand('DATABASE_URL', async () => {
  const database = openDatabase(readEnv().databaseUrl, {
    poolMax: 1,
    applicationName: 'steward-verify-audit',
  });
  try {
    const { ok, count, brokenAt, head } = await verifyAudit(database);
    if (ok) {
      process.stdout.write(`The audit log is intact: ${count} entries, head ${head}.\n`);
    } else {
      process.stdout.write(`The audit log is broken at entry ${brokenAt}; ${count} are proven.\n`);
      process.exitCode = 1;
    }
  } finally {
    await database.close();
  }
});
