import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findApiKeyByHash, insertApiKey, revokeApiKey } from '../../db/queries/api-keys.ts';
import {
  insertMember,
  listMembers,
  readMember,
  updateMember,
  type MemberRow,
} from '../../db/queries/members.ts';
import {
  findOperatorByKeyHash,
  insertOperator,
  listOperators,
  revokeOperator,
} from '../../db/queries/operators.ts';
import { insertTenant, listTenants, readTenant } from '../../db/queries/tenants.ts';
import { withTenant, withTenantWrite } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { openJson, sealJson } from '../../domain/sealed-json.ts';
import { accessKeyPrefix, createAccessKey, hashAccessKey } from '../../runtime/access-key.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestKeyring } from '../support/keys.ts';

let database: TestDatabase;
const tenantId = uuidv7();
const window = { after: undefined, limit: 50 };
beforeAll(async () => {
  database = await createTestDatabase();
  await insertTenant(database.app.db, { id: tenantId, name: 'A customer', region: 'eu' });
});
afterAll(() => database.drop());

describe('tenants', () => {
  it('are listed newest first, a window at a time', async () => {
    const second = uuidv7(Date.now() + 1_000);
    await insertTenant(database.app.db, { id: second, name: 'Another', region: null });
    const first = await listTenants(database.app.db, { after: undefined, limit: 1 });
    expect(first.map(({ id }) => id)).toEqual([second]);
    const rest = await listTenants(database.app.db, { after: { at: '', id: second }, limit: 9 });
    expect(rest.map(({ id }) => id)).toEqual([tenantId]);
    const row = await readTenant(database.app.db, tenantId);
    expect(row).toMatchObject({ name: 'A customer', region: 'eu', state: 'active', epoch: 1 });
    expect(await readTenant(database.app.db, uuidv7())).toBeUndefined();
  });
});

describe('access keys', () => {
  it('are found by their hash until they are revoked', async () => {
    const [{ key, hash }, id] = [createAccessKey('stw'), uuidv7()];
    expect(key).toMatch(/^stw_[\w-]{43}$/);
    expect([accessKeyPrefix(key), accessKeyPrefix(`${key}x`)]).toEqual(['stw', undefined]);
    await insertApiKey(database.app.db, { id, tenantId, hash, scopes: ['mail:read'] });
    const found = { id, tenantId, tenantState: 'active', scopes: ['mail:read'] };
    expect(await findApiKeyByHash(database.app.db, hashAccessKey(key))).toEqual(found);
    expect(await revokeApiKey(database.app.db, uuidv7(), id)).toBe(false);
    expect(await revokeApiKey(database.app.db, tenantId, id)).toBe(true);
    expect(await revokeApiKey(database.app.db, tenantId, id)).toBe(false);
    expect(await findApiKeyByHash(database.app.db, hash)).toBeUndefined();
  });

  it('of operators too', async () => {
    const [{ hash }, id] = [createAccessKey('op'), uuidv7()];
    await insertOperator(database.app.db, { id, name: 'Ada Operator', keyHash: hash });
    const found = { id, name: 'Ada Operator' };
    expect(await findOperatorByKeyHash(database.app.db, hash)).toEqual(found);
    expect(await listOperators(database.app.db, window)).toMatchObject([{ id, revokedAt: null }]);
    expect(await revokeOperator(database.app.db, id)).toBe(true);
    expect(await findOperatorByKeyHash(database.app.db, hash)).toBeUndefined();
    expect(await revokeOperator(database.app.db, id)).toBe(false);
  });
});

describe('members', () => {
  it('keep their profile sealed, and an address belongs to one of them at a time', async () => {
    const keyring = createTestKeyring(database.keys);
    await keyring.create(tenantId);
    const vault = await keyring.vault(tenantId);
    const newMember = (email: string) => {
      const id = uuidv7();
      const place = { table: 'members', column: 'profile', rowId: id };
      const profile = sealJson(vault, place, { name: 'A Member', email });
      const emailIndex = vault.index('address', email);
      return { id, tenantId, profile, emailIndex, role: 'member' as const };
    };
    const [ada, bob] = [newMember('ada@example.com'), newMember('bob@example.com')];
    await withTenantWrite(database.app, tenantId, async (tx) => {
      expect(await insertMember(tx, ada)).toMatchObject({ id: ada.id, leftAt: null });
      expect(await insertMember(tx, newMember('ada@example.com'))).toBeUndefined();
      expect(await insertMember(tx, bob)).toBeDefined();
      const stolen = { profile: { sealed: bob.profile, emailIndex: ada.emailIndex } };
      expect(await updateMember(tx, tenantId, bob.id, stolen)).toBe('email-taken');
      const promoted = await updateMember(tx, tenantId, bob.id, { role: 'admin' });
      expect(promoted).toMatchObject({ role: 'admin' });
      expect(await updateMember(tx, tenantId, uuidv7(), { role: 'admin' })).toBeUndefined();
    });
    const rows = await withTenant(database.app, tenantId, (tx) =>
      listMembers(tx, tenantId, window),
    );
    expect(rows.map(({ id }) => id).toSorted()).toEqual([ada.id, bob.id].toSorted());
    const row: MemberRow | undefined = await withTenant(database.app, tenantId, (tx) =>
      readMember(tx, tenantId, ada.id),
    );
    const place = { table: 'members', column: 'profile', rowId: ada.id };
    expect(openJson(vault, place, row!.profile)).toMatchObject({ email: 'ada@example.com' });
  });
});

describe('wrapped keys', () => {
  it('of two creators at once are the same for both', async () => {
    const id = uuidv7();
    const rootKey = Buffer.alloc(32, 7);
    const keyrings = [1, 2, 3, 4].map(() => createTestKeyring(database.keys, rootKey));
    await Promise.all(keyrings.map((keyring) => keyring.create(id)));
    const materials = await Promise.all(keyrings.map((keyring) => keyring.material(id)));
    // Each is lent them until a time of its own.
    const keys = materials.map(({ indexKey, dataKeys }) => ({ indexKey, dataKeys }));
    for (const each of keys) expect(each).toEqual(keys[0]);
  });

  it('can be read and added by their role, not changed or removed', async () => {
    for (const statement of [
      'update wrapped_keys set version = 2',
      'delete from wrapped_keys',
      'drop table wrapped_keys',
    ]) {
      await expect(database.keys.sql.unsafe(statement)).rejects.toMatchObject({ code: '42501' });
    }
  });
});
