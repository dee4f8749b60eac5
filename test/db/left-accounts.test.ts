import { afterAll, beforeAll, expect, it } from 'vitest';
import { migrate } from '../../db/migrate.ts';
import { parsePublicId } from '../../domain/ids.ts';
import { createTestApi, type TestApi } from '../support/api.ts';
import { createTestConnection } from '../support/connection.ts';

const migration = '0014_left_accounts.sql';

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi();
});
afterAll(() => api[Symbol.asyncDispose]());

it(`${migration} frees the accounts of those who left before, and no others`, async () => {
  const { owner, ownerUrl, keysUrl } = api.database;
  const tenants = [await api.tenant('One'), await api.tenant('Two')];
  const connections: { id: string; left: boolean }[] = [];
  for (const tenant of tenants) {
    for (const name of ['gone', 'here']) {
      const memberId = parsePublicId('member', await tenant.member(name))!;
      const account = { username: `${name}@corp.example`, password: 'x' };
      const { connectionId } = await createTestConnection(
        api.deps.database,
        tenant.vault,
        { host: 'imap.example.org', port: 993, security: 'tls', ...account },
        { memberId },
      );
      const left = name === 'gone';
      if (left) await owner.sql`update members set left_at = now() where id = ${memberId}`;
      connections.push({ id: connectionId, left });
    }
  }
  const indexes = async () => {
    const rows = await owner.sql<{ id: string; index: string }[]>`
      select id, account_index as index from connections`;
    return new Map(rows.map(({ id, index }) => [id, index]));
  };
  const before = await indexes();

  await owner.sql`delete from migrations.applied where name = ${migration}`;
  const applied = await migrate({
    ownerUrl,
    keysUrl: new URL(new URL(keysUrl).pathname, ownerUrl).href,
  });
  expect(applied).toEqual([migration]);

  const after = await indexes();
  for (const { id, left } of connections) expect(after.get(id) !== before.get(id)).toBe(left);
  expect(new Set(after.values()).size).toBe(connections.length);
  const unforced = await owner.sql`
    select relname from pg_class where relrowsecurity and not relforcerowsecurity`;
  expect([...unforced]).toEqual([]);
});
