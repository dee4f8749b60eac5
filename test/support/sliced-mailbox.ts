import { sql, type SQL } from 'drizzle-orm';
import { runBackfillSlice } from '../../activities/mail/backfill-slice.ts';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import type { FoundLicence } from '../../db/fence.ts';
import type { Tx } from '../../db/client.ts';
import { withTenant } from '../../db/tenant.ts';
import type { FolderName } from '../../domain/connection.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { openJson } from '../../domain/sealed-json.ts';
import type { SliceReport } from '../../domain/sync.ts';
import { createImapProvider } from '../../providers/imap/provider.ts';
import { createPageEncoder } from '../../worker/threads/page-encoder.ts';
import { createTestConnection } from './connection.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createTestKeyring } from './keys.ts';
import { undisturbed } from './slice-life.ts';

/** One message at one place, as the store shows it. */
export interface StoredPlace extends Record<string, unknown> {
  folder: string;
  uid: number;
  id: string;
  threadId: string;
  flags: number;
  labels: string[];
}

/**
 * A mailbox whose slices a test runs itself, one by one: database, adapter and page thread are
 * real, and nothing happens in between.
 */
export interface SlicedMailbox extends AsyncDisposable {
  base: TestDatabase;
  vault: TenantVault;
  licence: FoundLicence;
  deps: ActivityDeps;
  /** A live slice that somebody asked for; unless `poked` is false, then a safety poll. */
  live(options?: { poked: boolean }): Promise<SliceReport>;
  /** A live slice, then history until none is left. */
  importAll(): Promise<void>;
  /** Everything visible, by folder and UID. */
  places(): Promise<StoredPlace[]>;
  read(query: SQL): Promise<Record<string, unknown>[]>;
}

export async function openSlicedMailbox(
  server: { port: number; user: string; password: string },
  override: Partial<ActivityDeps> = {},
): Promise<SlicedMailbox> {
  const base = await createTestDatabase();
  const keyring = createTestKeyring(base.keys);
  const tenantId = uuidv7();
  await keyring.create(tenantId);
  const vault = await keyring.vault(tenantId);
  await base.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
  const licence = await createTestConnection(base.app, vault, {
    ...{ host: '127.0.0.1', port: server.port, security: 'none' },
    ...{ username: server.user, password: server.password },
  });
  const encoder = createPageEncoder(keyring);
  const mail = createImapProvider({ allowedNetworks: ['127.0.0.0/8'], allowCleartext: true });
  const log = { info: () => {}, warn: () => {} };
  const poke = async (): Promise<void> => {};
  const deps: ActivityDeps = {
    ...{ database: base.app, keyring, encoder, mail, poke, log },
    ...override,
  };
  const target = { ...licence, capability: 'mail' as const, failuresBefore: 0 };
  const read: SlicedMailbox['read'] = (query) =>
    withTenant(base.app, tenantId, (tx) => tx.execute(query));
  const live: SlicedMailbox['live'] = ({ poked } = { poked: true }) =>
    runLiveSlice(deps, { ...target, poked, cautious: false }, undisturbed);
  return {
    ...{ base, vault, licence, deps, live, read },
    importAll: async () => {
      const first = await live();
      const { outcome, failure } = await runBackfillSlice(deps, target, undisturbed);
      if (outcome !== 'done') throw new Error(`the import: ${outcome} ${failure?.code ?? ''}`);
      if (first.outcome !== 'done') throw new Error(`the first look: ${first.outcome}`);
    },
    places: () => withTenant(base.app, tenantId, (tx) => readPlaces(tx, vault)),
    [Symbol.asyncDispose]: async () => {
      await encoder[Symbol.asyncDispose]();
      await mail.close();
      await base.drop();
    },
  };
}

async function readPlaces(tx: Tx, vault: TenantVault): Promise<StoredPlace[]> {
  const names = new Map<string, string>();
  const folders = sql`select id, name from folders where hidden_at is null`;
  for (const { id, name } of await tx.execute<NamedRow>(folders)) {
    const place = { table: 'folders', column: 'name', rowId: id };
    names.set(id, openJson<FolderName>(vault, place, name).path.join('/'));
  }
  for (const { id, name } of await tx.execute<NamedRow>(sql`select id, name from labels`)) {
    const place = { table: 'labels', column: 'name', rowId: id };
    names.set(id, openJson<{ name: string }>(vault, place, name).name);
  }
  const rows = await tx.execute<StoredPlace>(sql`
    select p.folder_id as folder, p.uid::int as uid, m.id, m.thread_id as "threadId", p.flags,
      p.label_ids as labels
    from placements p join messages m on m.tenant_id = p.tenant_id and m.id = p.message_id
    where p.hidden_at is null and m.hidden_at is null`);
  return rows
    .map((row) => ({
      ...row,
      folder: names.get(row.folder) ?? 'a hidden folder',
      labels: row.labels.map((id) => names.get(id) ?? 'a label without a row').toSorted(),
    }))
    .toSorted((a, b) => (a.folder === b.folder ? a.uid - b.uid : a.folder < b.folder ? -1 : 1));
}

interface NamedRow extends Record<string, unknown> {
  id: string;
  name: Uint8Array;
}
