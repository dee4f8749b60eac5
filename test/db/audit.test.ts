import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordAudit, verifyAudit } from '../../db/queries/audit.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const entry = (target: string) => ({
  tenantId: uuidv7(),
  actor: `operator:${uuidv7()}`,
  action: 'test.act',
  target,
});

async function recordMany(count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, i) =>
      database.app.db.transaction((tx) => recordAudit(tx, entry(`target:${i}`))),
    ),
  );
}

/** What a database owner can do who means harm: switch the trigger off, change, switch it on. */
async function tamper(statement: string): Promise<void> {
  await database.owner.sql.begin(async (tx) => {
    await tx.unsafe('alter table admin.audit_log disable trigger all');
    await tx.unsafe(statement);
    await tx.unsafe('alter table admin.audit_log enable trigger all');
  });
}

describe('the audit log', () => {
  it('is intact when it is empty, and after every kind of entry', async () => {
    expect(await verifyAudit(database.app)).toMatchObject({ ok: true, count: 0 });
    await recordAudit(database.app.db, { ...entry('installation'), tenantId: null });
    await recordAudit(database.app.db, entry('ümläut:€:😀'));
    await recordAudit(database.app.db, entry(''));
    const verdict = await verifyAudit(database.app);
    expect(verdict).toMatchObject({ ok: true, count: 3, brokenAt: null });
    expect(verdict.head).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is one chain after fifty writers at once', async () => {
    await recordMany(50);
    expect(await verifyAudit(database.app)).toMatchObject({ ok: true, count: 50 });
  });

  it('has no gap where a transaction was undone', async () => {
    await recordMany(2);
    const undone = database.app.db.transaction(async (tx) => {
      await recordAudit(tx, entry('undone'));
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await recordMany(1);
    expect(await verifyAudit(database.app)).toMatchObject({ ok: true, count: 3 });
  });

  it.each([
    ['an edited entry', `update admin.audit_log set target = 'other' where seq = 7`, 7],
    ['an edited actor', `update admin.audit_log set actor = 'system' where seq = 1`, 1],
    ['an edited time', `update admin.audit_log set at = at - interval '1 s' where seq = 10`, 10],
    ['an entry without its tenant', `update admin.audit_log set tenant_id = null where seq = 5`, 5],
    ['a deleted entry', `delete from admin.audit_log where seq = 4`, 4],
    ['a deleted beginning', `delete from admin.audit_log where seq <= 3`, 1],
    [
      'a border that was moved between two parts',
      `update admin.audit_log set action = action || left(target, 1), target = substr(target, 2)
       where seq = 6`,
      6,
    ],
    [
      'an edited entry with a hash to match',
      `update admin.audit_log set target = 'other', hash = sha256('other') where seq = 8`,
      8,
    ],
  ])('gives the position of %s', async (_, statement, position) => {
    await recordMany(10);
    await tamper(statement);
    expect(await verifyAudit(database.app)).toMatchObject({
      ok: false,
      brokenAt: position,
      count: position - 1,
    });
  });

  it('shows against what was noted that its end was cut off, also after it has grown again', async () => {
    await recordMany(4);
    const early = await verifyAudit(database.app);
    await recordMany(4);
    const late = await verifyAudit(database.app);
    expect(await verifyAudit(database.app, [early, late])).toEqual(late);

    await tamper('delete from admin.audit_log where seq > 6');
    const cut = { ok: false, brokenAt: 7, count: 6 };
    expect(await verifyAudit(database.app, [late, early])).toMatchObject(cut);
    await recordMany(6);
    expect(await verifyAudit(database.app)).toMatchObject({ ok: true, count: 12 });
    expect(await verifyAudit(database.app, [early])).toMatchObject({ ok: true, count: 12 });
    const grown = { ok: false, brokenAt: 8, count: 7 };
    expect(await verifyAudit(database.app, [early, late])).toMatchObject(grown);
  });

  it('refuses changes from the application and from the owner', async () => {
    await recordMany(1);
    const statements = [
      `update admin.audit_log set target = 'other'`,
      'delete from admin.audit_log',
      'truncate admin.audit_log',
    ];
    for (const statement of statements) {
      await expect(database.app.sql.unsafe(statement)).rejects.toMatchObject({ code: '42501' });
      await expect(database.owner.sql.unsafe(statement)).rejects.toMatchObject({ code: 'SA001' });
    }
  });

  it("leaves the chain's own columns to the database", async () => {
    const forged = database.app.sql`
      insert into admin.audit_log (seq, actor, action, target, at, previous_hash, hash)
      values (9, 'system', 'forged', 'x', now(), 'x', 'x')`;
    await expect(forged).rejects.toMatchObject({ code: '42501' });
    await database.owner.sql`
      insert into admin.audit_log (seq, actor, action, target, at, previous_hash, hash)
      values (9, 'system', 'by the owner', 'x', '2000-01-01', 'x', 'x')`;
    expect(await verifyAudit(database.app)).toMatchObject({ ok: true, count: 1 });
  });
});
