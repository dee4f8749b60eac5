import { parseArgs } from 'node:util';
import { openDatabase } from '../../db/client.ts';
import { recordAudit } from '../../db/queries/audit.ts';
import { insertOperator } from '../../db/queries/operators.ts';
import { toPublicId, uuidv7 } from '../../domain/ids.ts';
import { createAccessKey } from '../../runtime/access-key.ts';
import { readEnv } from '../../runtime/env.ts';
import { runCommand } from '../run-command.ts';

/** `npm run operator:create -- --name "…"`: the first operator, who can create the others. */
const name = readName();
if (!name) {
  process.stderr.write('Usage: npm run operator:create -- --name "Full Name"\n');
  process.exit(2);
}

await runCommand('DATABASE_URL', async () => {
  const database = openDatabase(readEnv().databaseUrl, {
    poolMax: 1,
    applicationName: 'steward-create-operator',
  });
  try {
    const id = uuidv7();
    const { key, hash } = createAccessKey('op');
    await database.db.transaction(async (tx) => {
      await insertOperator(tx, { id, name, keyHash: hash });
      await recordAudit(tx, {
        tenantId: null,
        actor: 'system',
        action: 'operator.create',
        target: `operator:${id}`,
      });
    });
    process.stdout.write(`${toPublicId('operator', id)}\n${key}\n`);
    process.stderr.write('Keep this key: it is shown only now.\n');
  } finally {
    await database.close();
  }
});

function readName(): string | undefined {
  try {
    return parseArgs({ options: { name: { type: 'string' } } }).values.name?.trim();
  } catch {
    // Another option, or a name without its text: the usage says what is wanted.
    return undefined;
  }
}
