import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { withTenant } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { ImapAccount } from '../../domain/provider.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { openJson } from '../../domain/sealed-json.ts';
import { createVault } from '../../runtime/seal.ts';
import { createTestApi } from '../support/api.ts';
import { createTestConnection } from '../support/connection.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestKeyring, createTestMaterial } from '../support/keys.ts';

const password = 'Correct-Horse-Battery-9';
const account: ImapAccount = {
  ...{ host: 'imap.example.org', port: 993, security: 'tls' },
  ...{ username: 'jane@example.com', password },
};

let base: TestDatabase;
let vault: TenantVault;
let other: TenantVault;
let stored: { id: string; credentials: Uint8Array };

beforeAll(async () => {
  base = await createTestDatabase();
  const keyring = createTestKeyring(base.keys);
  const tenants = [uuidv7(), uuidv7()] as const;
  for (const tenantId of tenants) await keyring.create(tenantId);
  [vault, other] = [await keyring.vault(tenants[0]), await keyring.vault(tenants[1])];
  await base.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenants[0]}, 'Example')`);
  const { connectionId } = await createTestConnection(base.app, vault, account);
  const [row] = await withTenant(base.app, tenants[0], (tx) =>
    tx.execute<{ id: string; credentials: Uint8Array }>(sql`
      select id, credentials from connections where id = ${connectionId}`),
  );
  stored = row!;
});
afterAll(() => base.drop());

const placeOf = (rowId: string) => ({ table: 'connections', column: 'credentials', rowId });

describe('a dump of the database', () => {
  it('abuse case 29: shows ciphertext where the password is', async () => {
    expect(openJson<ImapAccount>(vault, placeOf(stored.id), stored.credentials)).toEqual(account);
    const tables = await base.owner.sql<{ name: string }[]>`
      select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname in ('public', 'directory', 'admin')`;
    expect(tables.length).toBeGreaterThan(10);
    let rows = 0;
    for (const { name } of tables) {
      const dump = await base.owner.sql.unsafe<{ row: string }[]>(
        `select t::text as row from ${name} t`,
      );
      rows += dump.length;
      const texts = dump.flatMap(({ row }) => [row, ...hexParts(row)]);
      expect(texts.filter((text) => text.includes(password))).toEqual([]);
    }
    expect(rows).toBeGreaterThan(3);
  });

  it('abuse case 29: finds a password that lies open, so that the search means something', () => {
    const open = `(1,"\\\\x${Buffer.from(JSON.stringify(account)).toString('hex')}")`;
    expect(hexParts(open).filter((text) => text.includes(password))).toHaveLength(1);
  });

  it('abuse case 29: a value that was swapped into another row does not open', () => {
    expect(() => vault.open(placeOf(uuidv7()), stored.credentials)).toThrow(
      /altered|key version|too short/,
    );
  });

  it('abuse case 30: a value that was moved to another tenant’s row does not open', () => {
    expect(() => other.open(placeOf(stored.id), stored.credentials)).toThrow(
      /altered|key version|too short/,
    );
    // Not even under the same key: the tenant is authenticated with the value.
    const material = createTestMaterial(uuidv7());
    const [mine, theirs] = [
      createVault(material),
      createVault({ ...material, tenantId: uuidv7() }),
    ];
    const sealed = mine.seal(placeOf(stored.id), Buffer.from(password));
    expect(Buffer.from(mine.open(placeOf(stored.id), sealed)).toString()).toBe(password);
    expect(() => theirs.open(placeOf(stored.id), sealed)).toThrow(/altered|key version|too short/);
  });

  it('abuse case 29: gives no hash on which a guessed request could be tested', async () => {
    await using api = await createTestApi();
    const body = JSON.stringify({ name: 'Jane', email: 'jane@members.example' });
    const tenants = [await api.tenant('First'), await api.tenant('Second')];
    for (const { key } of tenants) {
      for (const attempt of ['k-1', 'k-2']) {
        await api.call('POST', '/v1/members', {
          key,
          body,
          headers: { 'Idempotency-Key': attempt },
        });
        await api.database.owner.sql`update members set left_at = now()`;
      }
    }
    const hashes = await api.database.owner.sql<{ hash: string }[]>`
      select encode(request_hash, 'hex') as hash from idempotency_keys`;
    expect(hashes).toHaveLength(4);
    const guessed = createHash('sha256').update(body).digest('hex');
    for (const { hash } of hashes) expect(guessed).not.toContain(hash.slice(0, 8));
    // Nor does the dump show that two tenants, or two keys of one, sent the same.
    expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(4);
  });

  /** What stands in a row as bytea, in the clear. */
  function hexParts(row: string): string[] {
    const found = row.match(/\\\\x((?:[0-9a-f]{2})+)/g) ?? [];
    return found.map((hex) => Buffer.from(hex.slice(3), 'hex').toString('latin1'));
  }
});

describe('a key version', () => {
  it.each([
    ['unknown', (sealed: Buffer) => sealed.fill(0xee, 0, 1)],
    ['altered ciphertext', (sealed: Buffer) => sealed.fill(sealed.at(-1)! ^ 1, sealed.length - 1)],
    ['cut off', (sealed: Buffer) => sealed.subarray(0, 5)],
    ['plaintext in its place', () => Buffer.from(JSON.stringify(account))],
    ['nothing at all', () => Buffer.alloc(0)],
  ])('abuse case 31: %s throws, and nothing falls through', (_what, damage) => {
    const damaged = damage(Buffer.from(stored.credentials));
    expect(() => vault.open(placeOf(stored.id), damaged)).toThrow(/altered|key version|too short/);
  });
});

describe('a process without its key', () => {
  const urls = () => ({ DATABASE_URL: base.appUrl, KEYS_DATABASE_URL: base.keysUrl });

  it.each([
    ['worker', {}],
    ['api', {}],
    ['worker', { STEWARD_ROOT_KEY: randomBytes(16).toString('hex') }],
    ['api', { STEWARD_ROOT_KEY_FILE: '/nowhere/root.key' }],
  ])('abuse case 33: %s refuses to start with %j', (name, key) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [`${name}/main.ts`], {
      env: {
        PATH: process.env['PATH'],
        TEMPORAL_ADDRESS: inject('temporalAddress'),
        ...urls(),
        ...key,
      },
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(status).not.toBe(0);
    expect(status).not.toBeNull();
    expect(stdout + stderr).toMatch(/STEWARD_ROOT_KEY/);
  });
});
