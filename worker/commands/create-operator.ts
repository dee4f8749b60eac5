import { parseArgs } from 'node:util';
import { openDatabase } from '../../db/client.ts';
import { recordAudit } from '../../db/queries/audit.ts';
import { insertOperator } from '../../db/queries/operators.ts';
import { toPublicId, uuidv7 } from '../../domain/ids.ts';
import { createAccessKey } from '../../runtime/access-key.ts';
import { readEnv } from '../../runtime/env.ts';

/** `npm run operator:create -- --name "…"`: the first operator, who can create the others. */
const { values } = parseArgs({ options: { name: { type: 'string' } } });
const name = values.name?.trim();
if (!name) {
  process.stderr.write('Usage: npm run operator:create -- --name "Full Name"\n');
  process.exit(2);
}

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
