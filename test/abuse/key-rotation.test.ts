import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogue } from '../../db/catalogue.ts';
import { openDatabase, type Database } from '../../db/client.ts';
import { createWrappedKeyStore } from '../../db/queries/wrapped-keys.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { Keyring } from '../../domain/seal.ts';
import { assertRootKeys, createKeyring } from '../../runtime/keyring.ts';
import { rootKeyIdOf } from '../../runtime/root-keys.ts';
import { rotateKeys } from '../../worker/rotate-keys.ts';
import { startOperatedMailbox, type OperatedMailbox } from '../support/operated-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

/** Long enough an import that the rotation falls into it. */
const messages = 3_000;

/** Tenants beside the one that imports: several batches of keys. */
const otherTenants = 40;

const [oldKey, newKey] = [randomBytes(32), randomBytes(32)];
/** What the processes' key file holds; they read it whenever they load a tenant's keys. */
let keyFile = [oldKey];

let box: OperatedMailbox;
let keysUrl: string;
let keysOwner: Database;

beforeAll(async () => {
  box = await startOperatedMailbox({
    generate: { messages, folders: 6, seed: 32, mix: 'text' },
    // Every look at a tenant's keys unwraps them anew: what could fail fails often.
    keyring: (keys) => keyringOf(keys, () => keyFile, 1),
  });
  const url = new URL(box.api.database.ownerUrl);
  url.pathname = new URL(box.api.database.keysUrl).pathname;
  keysUrl = url.href;
  keysOwner = openDatabase(keysUrl, { poolMax: 2, applicationName: 'test-rotation' });
  for (let i = 0; i < otherTenants; i += 1) await box.api.deps.keyring.create(uuidv7());
}, 120_000);
afterAll(async () => {
  await keysOwner.close();
  await box[Symbol.asyncDispose]();
});

function keyringOf(keys: Database, rootKeys: () => Uint8Array[], cacheMs = 60_000): Keyring {
  return createKeyring({
    ...{ rootKeys, cacheMs, cacheMax: 100 },
    store: createWrappedKeyStore(keys),
  });
}

describe('abuse case 32: a root key is rotated while everything runs', () => {
  it('abuse case 32: nothing fails in mid-import, and no row of content is rewritten', async () => {
    await waitFor(async () => (await stored()) > 0, { what: 'the import', intervalMs: 5 });
    const before = await sealedValues();
    keyFile = [newKey, oldKey];
    // Nothing changes where it could not be audited.
    const closed = openDatabase(box.api.database.ownerUrl, { poolMax: 1, applicationName: 'gone' });
    await closed.close();
    const unaudited = rotateKeys({ keys: keysOwner, data: closed }, { rootKeys: keyFile });
    await expect(unaudited).rejects.toMatchObject({ cause: { code: 'CONNECTION_ENDED' } });
    await assertRootKeys(createWrappedKeyStore(keysOwner), [oldKey]);
    expect(await rotationEntries()).toEqual([]);
    const interrupted = rotateKeys(databases(), {
      rootKeys: keyFile,
      keysPerBatch: 10,
      onProgress: () => {
        throw new Error('killed');
      },
    });
    await expect(interrupted).rejects.toThrow('killed');
    expect(await rotationEntries()).toEqual(['root-key.rotation-started']);
    // Halfway, a process with one of the two keys alone would fail at some tenants: it does not start.
    const store = createWrappedKeyStore(keysOwner);
    for (const alone of [oldKey, newKey]) {
      await expect(assertRootKeys(store, [alone])).rejects.toThrow('wrapped by root key');
    }
    await assertRootKeys(store, keyFile);
    // New tenants come under the new key meanwhile.
    await box.api.deps.keyring.create(uuidv7());
    const importing = (await box.view()).capabilities.mail?.backfillDone === false;
    expect(await run()).toMatchObject({ code: 0, output: expect.stringContaining('are wrapped') });
    expect(importing).toBe(true);
    keyFile = [newKey];

    await box.waitForState('live');
    expect(await box.differences()).toEqual([]);
    expect(await failedAttempts()).toEqual([]);
    const after = await sealedValues();
    const rewritten = [...before].filter(
      ([row, hash]) => after.has(row) && after.get(row) !== hash,
    );
    expect(rewritten).toEqual([]);
    expect(before.size).toBeGreaterThan(10);
  }, 120_000);

  it('abuse case 32: every sealed column opens under the new key alone, none under the old', async () => {
    const rows = await keysOwner.sql<{ id: string; count: number }[]>`
      select root_key_id as id, count(*)::int as count from wrapped_keys group by 1`;
    expect(rows).toEqual([{ id: rootKeyIdOf(newKey), count: 2 * (otherTenants + 2) }]);
    const { tenant, api } = box;
    const vault = await keyringOf(keysOwner, () => [newKey]).vault(tenant.uuid);
    let opened = 0;
    for (const { table, column } of sealedColumns()) {
      const found = await api.database.owner.sql<{ id: string; value: Uint8Array }[]>`
        select id, ${api.database.owner.sql(column)} as value
        from ${api.database.owner.sql(table)}
        where tenant_id = ${tenant.uuid} and ${api.database.owner.sql(column)} is not null`;
      for (const { id, value } of found) vault.open({ table, column, rowId: id }, value);
      opened += found.length;
    }
    // An envelope and a body a message, and what stands around them.
    expect(opened).toBeGreaterThan(2 * messages);
    const stale = keyringOf(keysOwner, () => [oldKey]).vault(tenant.uuid);
    await expect(stale).rejects.toThrow(`wrapped by root key ${rootKeyIdOf(newKey)}`);
    await expect(assertRootKeys(createWrappedKeyStore(keysOwner), [oldKey])).rejects.toThrow(
      rootKeyIdOf(oldKey),
    );
  });

  it('abuse case 32: the command changes nothing without the key that wrapped them', async () => {
    const stranger = randomBytes(32);
    const refused = await run([stranger]);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.output).toContain(`wrapped by root key ${rootKeyIdOf(newKey)}`);
    expect(refused.output).toContain('Remedy: Give it the root key that made them.');
    await assertRootKeys(createWrappedKeyStore(keysOwner), [newKey]);
    expect(await run([newKey])).toMatchObject({
      code: 0,
      output: expect.stringContaining('0 were wrapped anew'),
    });
    // One that was killed, two that came to their end, and nothing of the one that was refused.
    const [started, rotated] = ['root-key.rotation-started', 'root-key.rotated'];
    expect(await rotationEntries()).toEqual([started, started, rotated, started, rotated]);
    const targets = await box.api.database.owner.sql`
      select distinct target from admin.audit_log where action like 'root-key.%'`;
    expect(targets).toEqual([{ target: `root-key:${rootKeyIdOf(newKey)}` }]);
  });

  it('abuse case 32: the role of the processes can not put a key under another one', async () => {
    const rotation = rotateKeys(
      { ...databases(), keys: box.api.database.keys },
      { rootKeys: [oldKey, newKey] },
    );
    await expect(rotation).rejects.toMatchObject({ cause: { code: '42501' } });
  });
});

const databases = () => ({ keys: keysOwner, data: box.api.database.owner });

/** What the audit log has of rotations, in order. */
async function rotationEntries(): Promise<string[]> {
  const entries = await box.api.database.owner.sql<{ action: string }[]>`
    select action from admin.audit_log where action like 'root-key.%' order by seq`;
  return entries.map(({ action }) => action);
}

/** The command as operators run it. */
async function run(rootKeys = keyFile): Promise<{ code: number | null; output: string }> {
  const script = fileURLToPath(new URL('../../worker/commands/rotate-keys.ts', import.meta.url));
  const child = spawn(process.execPath, [script], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_OWNER_URL: box.api.database.ownerUrl,
      KEYS_DATABASE_URL: keysUrl,
      STEWARD_ROOT_KEY: rootKeys.map((key) => key.toString('base64')).join(','),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

const stored = async () => (await box.view()).capabilities.mail?.stored ?? 0;

function sealedColumns(): { table: string; column: string }[] {
  return catalogue.flatMap(({ name, columns }) =>
    Object.entries(columns)
      .filter(([, { holds }]) => holds === 'sealed')
      .map(([column]) => ({ table: name.replace('public.', ''), column })),
  );
}

/** A hash of every sealed value that the store has now, by table, column and row. */
async function sealedValues(): Promise<Map<string, string>> {
  const { sql } = box.api.database.owner;
  const values = new Map<string, string>();
  for (const { table, column } of sealedColumns()) {
    const rows = await sql<{ id: string; hash: string }[]>`
      select tenant_id || '/' || id as id, md5(${sql(column)}) as hash from ${sql(table)}
      where ${sql(column)} is not null`;
    for (const { id, hash } of rows) values.set(`${table}.${column}/${id}`, hash);
  }
  return values;
}

/** Attempts of activities that failed: Temporal repeats them, so the history shows later attempts. */
async function failedAttempts(): Promise<unknown[]> {
  const { events } = await box.workflow().fetchHistory();
  return (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started }) =>
    started?.lastFailure ? [started.lastFailure.message] : [],
  );
}
