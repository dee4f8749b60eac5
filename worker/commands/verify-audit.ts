import { openDatabase } from '../../db/client.ts';
import { type NotedHead, verifyAudit } from '../../db/queries/audit.ts';
import { readEnv } from '../../runtime/env.ts';
import { runCommand } from '../run-command.ts';

/** As this command prints them. */
const countPattern = /^(0|[1-9]\d{0,14})$/;
const headPattern = /^[0-9a-f]{64}$/;

/**
 * `npm run audit:verify -- [<count> <head> …]` verifies the audit chain, and that it still holds what
 * earlier runs printed of it; exit code 1 when it is broken.
 */
const noted = parseNoted(process.argv.slice(2));
if (noted) await runCommand('DATABASE_URL', () => verify(noted));
else {
  process.stderr.write(
    'Usage: npm run audit:verify -- [<count> <head>] …\n' +
      'Each pair is what an earlier run printed: how many entries there were, and the 64 hexadecimal ' +
      'digits of the head.\n',
  );
  process.exitCode = 2;
}

async function verify(heads: readonly NotedHead[]): Promise<void> {
  const database = openDatabase(readEnv().databaseUrl, {
    poolMax: 1,
    applicationName: 'steward-verify-audit',
  });
  try {
    const { ok, count, brokenAt, head } = await verifyAudit(database, heads);
    if (ok) {
      process.stdout.write(`The audit log is intact: ${count} entries, head ${head}.\n`);
    } else {
      process.stdout.write(`The audit log is broken at entry ${brokenAt}; ${count} are proven.\n`);
      process.exitCode = 1;
    }
  } finally {
    await database.close();
  }
}

/** Pairs of a count and a head, or nothing when the arguments are anything else. */
function parseNoted(words: readonly string[]): NotedHead[] | undefined {
  const heads: NotedHead[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const [count = '', head = ''] = [words[i], words[i + 1]?.toLowerCase()];
    if (!countPattern.test(count) || !headPattern.test(head)) return undefined;
    heads.push({ count: Number(count), head });
  }
  return heads;
}
