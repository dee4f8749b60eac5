import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordAudit, verifyAudit } from '../../db/queries/audit.ts';
import { findOperatorByKeyHash } from '../../db/queries/operators.ts';
import { hashAccessKey } from '../../runtime/access-key.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const run = async (command: string, ...args: string[]) =>
  await promisify(execFile)(process.execPath, [`worker/commands/${command}.ts`, ...args], {
    env: { ...process.env, DATABASE_URL: database.appUrl },
  });

describe('create-operator', () => {
  it('prints a key that opens the operator, once, and leaves an audit entry', async () => {
    const { stdout, stderr } = await run('create-operator', '--name', 'Ada Operator');
    const [id, key] = stdout.trim().split('\n');
    expect(id).toMatch(/^opr_[0-9a-f]{32}$/);
    const found = await findOperatorByKeyHash(database.app.db, hashAccessKey(key!));
    expect(found).toMatchObject({ name: 'Ada Operator' });
    expect(stderr).not.toContain(key);
    const entries = await database.app.sql`select actor, action, target from admin.audit_log`;
    const target = `operator:${found!.id}`;
    expect(entries).toEqual([{ actor: 'system', action: 'operator.create', target }]);
  });

  it('asks for a name', async () => {
    await expect(run('create-operator')).rejects.toMatchObject({ code: 2 });
    await expect(run('create-operator', '--name', ' ')).rejects.toMatchObject({ code: 2 });
  });
});

describe('verify-audit', () => {
  it('says that the chain is intact, or where it is broken', async () => {
    const entry = { tenantId: null, actor: 'system', action: 'test.act', target: 'a' };
    for (let i = 0; i < 3; i += 1) await recordAudit(database.app.db, entry);
    const { count, head } = await verifyAudit(database.app);
    expect((await run('verify-audit')).stdout).toContain(`intact: ${count} entries, head ${head}`);
    const noted = [String(count), head];
    expect((await run('verify-audit', ...noted)).stdout).toContain('intact');
    const other = run('verify-audit', ...noted, String(count - 1), head);
    const contradicted = expect.stringContaining(`broken at entry ${count - 1}`);
    await expect(other).rejects.toMatchObject({ code: 1, stdout: contradicted });
    await database.owner.sql.begin(async (tx) => {
      await tx`alter table admin.audit_log disable trigger all`;
      await tx`update admin.audit_log set target = 'b' where seq = 2`;
    });
    const broken = { code: 1, stdout: expect.stringContaining('broken at entry 2') };
    await expect(run('verify-audit')).rejects.toMatchObject(broken);
  });

  it.each([['7'], ['seven', 'a'.repeat(64)], ['7', 'abc'], ['7', 'a'.repeat(64), '8']])(
    'says what it takes instead of: %s %s',
    async (...words) => {
      const usage = expect.stringContaining('audit:verify -- [<count> <head>]');
      const refused = run('verify-audit', ...words);
      await expect(refused).rejects.toMatchObject({ code: 2, stderr: usage });
    },
  );
});
