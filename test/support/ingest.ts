import { sql } from 'drizzle-orm';
import { encodePage } from '../../activities/mail/encode-page.ts';
import { withFence, type FoundLicence } from '../../db/fence.ts';
import { storeMoved } from '../../db/queries/ingest/moved.ts';
import { storeMailPage, type PageToStore } from '../../db/queries/ingest/store-page.ts';
import { storeFolders, type FolderToStore } from '../../db/queries/sync/store-folders.ts';
import { withTenant } from '../../db/tenant.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { TenantVault } from '../../domain/seal.ts';
import type { MovedItem } from '../../domain/mail-writer.ts';
import type { Cursor, RawMessage } from '../../domain/provider.ts';
import { createTestConnection } from './connection.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { createTestKeyring } from './keys.ts';
import { rawMessage } from './raw-message.ts';

export interface MessageRow extends Record<string, unknown> {
  uid: string;
  id: string;
  thread_id: string;
  tracked: boolean;
}

/** A tenant with one connection, whose pages a test stores itself, at the ingest point. */
export type Ingest = Awaited<ReturnType<typeof openIngest>>;

/** In a database of its own, or beside the tenants of one that is there. */
export async function openIngest(shared?: TestDatabase) {
  const base = shared ?? (await createTestDatabase());
  const tenantId = uuidv7();
  const keyring = createTestKeyring(base.keys);
  await keyring.create(tenantId);
  const vault = await keyring.vault(tenantId);
  await base.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
  return await openConnection(base, vault);
}

/** A connection of the tenant whose keys these are. */
export async function openConnection(base: TestDatabase, vault: TenantVault) {
  const { tenantId } = vault;
  const licence: FoundLicence = await createTestConnection(base.app, vault, {
    host: `mail-${uuidv7()}.example`,
    port: 993,
    security: 'tls',
    username: 'jane@example.com',
  });

  async function makeFolder(id = uuidv7(), uidValidity = '1'): Promise<string> {
    const folder: FolderToStore = {
      id,
      nameIndex: id,
      objectIndex: null,
      name: new Uint8Array([0]),
      role: undefined,
      uidValidity,
      excluded: false,
      messages: 0,
    };
    await withFence(base.app, licence, (tx) => storeFolders(tx, licence, [folder], null));
    return id;
  }

  function pageOf(
    folderId: string,
    messages: RawMessage[],
    more: Partial<PageToStore> = {},
  ): PageToStore {
    const uidValidity = more.uidValidity ?? '1';
    const { connectionId } = licence;
    const page = encodePage(vault, {
      ...{ tenantId, connectionId, folderId, uidValidity, messages },
      folderRole: null,
      ownAddressIds: [],
      knownIds: new Map(),
    });
    return {
      ...{ loop: 'live', folderId, uidValidity, page, failures: [], flagChanges: [] },
      ...{ inferred: false, readSince: null },
      ...{ flagChangeLabels: [], vanished: [], more: false, listed: undefined, caughtUpAt: null },
      ...{ cursor: { uidNext: messages.at(-1)?.uid ?? 0 }, from: null, historyFrom: null },
      ...more,
    };
  }

  async function store(folderId: string, messages: RawMessage[], more: Partial<PageToStore> = {}) {
    const { live, backfill } = await cursorsOf(folderId);
    const from = more.loop === 'backfill' ? backfill : live;
    const page = pageOf(folderId, messages, { from, ...more });
    return await withFence(base.app, licence, (tx) => storeMailPage(tx, licence, page));
  }

  async function makeThreeFolders(): Promise<[string, string, string]> {
    return [await makeFolder(), await makeFolder(), await makeFolder()];
  }

  async function write(query: ReturnType<typeof sql>): Promise<void> {
    await withFence(base.app, licence, (tx) => tx.execute(query));
  }

  /** What the provider says of a move that was asked for. */
  async function moveOurs(from: string, toFolderId: string, item: MovedItem): Promise<void> {
    const places = { from: { folderId: from, uidValidity: '1' }, toFolderId, moved: [item] };
    await withFence(base.app, licence, (tx) => storeMoved(tx, licence, places));
  }

  async function cursorsOf(folderId: string) {
    const [row] = await read<{ live: Cursor | null; backfill: Cursor | null }>(sql`
      select live_cursor as live, backfill_cursor as backfill from collections
      where id = ${folderId}`);
    return row!;
  }

  /** Whether a transaction waits for an advisory lock of another. */
  async function isAnybodyWaiting(): Promise<boolean> {
    const waiting = sql`select from pg_locks where locktype = 'advisory' and not granted
      and database = (select oid from pg_database where datname = current_database())`;
    return (await read(waiting)).length > 0;
  }

  /** Whether a transaction waits for a row that another has changed. */
  async function isAnybodyHeld(): Promise<boolean> {
    const waiting = sql`select from pg_locks where locktype in ('transactionid', 'tuple')
      and not granted`;
    return (await read(waiting)).length > 0;
  }

  async function read<T extends Record<string, unknown>>(query: ReturnType<typeof sql>) {
    return await withTenant(base.app, licence.tenantId, (tx) => tx.execute<T>(query));
  }

  async function messagesOf(folderId: string) {
    return await read<MessageRow>(sql`
      select p.uid, p.flags, p.version, m.id, m.thread_id, m.tracked
      from placements p join messages m on m.tenant_id = p.tenant_id and m.id = p.message_id
      where p.folder_id = ${folderId} and p.hidden_at is null and m.hidden_at is null
      order by p.uid`);
  }

  async function collectionOf(folderId: string) {
    return (await read(sql`select stored, live_cursor from collections where id = ${folderId}`))[0];
  }
  return {
    ...{ base, vault, licence, makeFolder, pageOf, store, cursorsOf, read, isAnybodyWaiting },
    ...{ isAnybodyHeld, messagesOf, collectionOf, makeThreeFolders, write, moveOurs },
  };
}

export function mail(
  uid: number,
  messageId: string,
  options: Partial<RawMessage> & { references?: string; from?: string; text?: string } = {},
): RawMessage {
  const { references, from = 'jane@example.com', text = 'hello', ...rest } = options;
  const lines = [`Message-ID: ${messageId}`, `From: ${from}`, 'To: jane@example.com'];
  if (references) lines.push(`References: ${references}`);
  return rawMessage({ ...rest, uid, headers: lines.join('\r\n'), text });
}
