import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Tx } from '../../db/client.ts';
import { withFence, type FoundLicence } from '../../db/fence.ts';
import { storeFolders, type FolderToStore } from '../../db/queries/sync/store-folders.ts';
import { withTenant } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { createTestConnection } from '../support/connection.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestKeyring } from '../support/keys.ts';

let base: TestDatabase;
let licence: FoundLicence;

beforeAll(async () => {
  base = await createTestDatabase();
  const tenantId = uuidv7();
  const keyring = createTestKeyring(base.keys);
  await keyring.create(tenantId);
  await base.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
  licence = await createTestConnection(base.app, await keyring.vault(tenantId), {
    ...{ host: 'mail.example', port: 993, security: 'tls', username: 'jane@example.com' },
  });
});

afterAll(() => base.drop());

function folder(change: Partial<FolderToStore> = {}): FolderToStore {
  const id = change.id ?? uuidv7();
  return {
    ...{ id, nameIndex: id, objectIndex: null, name: new Uint8Array([0, 255, 39]) },
    ...{ role: undefined, uidValidity: '1', excluded: false, messages: 7 },
    ...change,
  };
}

/** Stores folders and returns how many statements that took. */
async function store(folders: FolderToStore[]): Promise<number> {
  return await withFence(base.app, licence, async (tx) => {
    let statements = 0;
    const counting: Pick<Tx, 'execute'> = {
      execute: (query) => {
        statements += 1;
        return tx.execute(query);
      },
    };
    await storeFolders(counting as Tx, licence, folders, null);
    return statements;
  });
}

async function rows(ids: string[]): Promise<Record<string, unknown>[]> {
  return await withTenant(base.app, licence.tenantId, (tx) =>
    tx.execute(sql`
      select f.id, f.role, f.uid_validity, f.excluded, f.hidden_at is not null as hidden,
        f.ref_index, f.object_index, encode(f.name, 'hex') as name, c.expected
      from folders f join collections c on c.tenant_id = f.tenant_id and c.id = f.id
      where f.id = any(${sql.param(ids)}::uuid[])
      order by array_position(${sql.param(ids)}::uuid[], f.id)`),
  );
}

test('five thousand folders take ten statements, and again as many', async () => {
  const folders = Array.from({ length: 5_000 }, () => folder());
  expect(await store(folders)).toBe(10);
  const stored = await rows(folders.map(({ id }) => id));
  expect(stored).toHaveLength(5_000);
  expect(stored[4_321]).toEqual({
    ...{ id: folders[4_321]!.id, role: null, uid_validity: '1', excluded: false, hidden: false },
    ...{ ref_index: null, object_index: null, name: '00ff27', expected: 7 },
  });
  expect(await store(folders.map((each) => ({ ...each, role: 'archive' as const })))).toBe(10);
  expect((await rows([folders[9]!.id]))[0]).toMatchObject({ role: 'archive', expected: 7 });
});

test('a name is left by one folder and taken by the next, in one statement', async () => {
  const old = folder();
  await store([old]);
  const renamed = { ...old, nameIndex: uuidv7(), name: new Uint8Array([1]) };
  const fresh = folder({ nameIndex: old.id });
  await store([renamed, fresh]);
  expect(await rows([old.id, fresh.id])).toMatchObject([
    { id: old.id, ref_index: renamed.nameIndex, name: '01' },
    { id: fresh.id, ref_index: old.id },
  ]);
  const second = store([folder({ nameIndex: old.id })]);
  await expect(second).rejects.toMatchObject({ cause: { code: '23505' } });
});

test('a folder that is listed twice is stored once, as it was listed last', async () => {
  const first = folder({ role: 'sent' });
  await store([first, folder(), { ...first, role: 'drafts' }]);
  expect(await rows([first.id])).toMatchObject([{ role: 'drafts' }]);
});

test('a new numbering is taken over until the folder has a cursor', async () => {
  const [open, known] = [folder(), folder({ objectIndex: uuidv7() })];
  await store([open, known]);
  await withFence(base.app, licence, (tx) =>
    tx.execute(sql`update collections set live_cursor = '{}' where id = ${known.id}`),
  );
  await store([
    { ...open, uidValidity: '2' },
    { ...known, uidValidity: '2', excluded: true },
  ]);
  expect(await rows([open.id, known.id])).toMatchObject([
    { uid_validity: '2', excluded: false },
    { uid_validity: '1', excluded: true, object_index: known.objectIndex },
  ]);
  await store([{ ...open, uidValidity: undefined }]);
  expect(await rows([open.id])).toMatchObject([{ uid_validity: '2' }]);
});
