import { sql } from 'drizzle-orm';
import type { Database } from '../../db/client.ts';
import { readLicence, withFence } from '../../db/fence.ts';
import { type Address, type MessageEnvelope, normaliseAddress } from '../../domain/mail.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { sealJson } from '../../domain/sealed-json.ts';

/** One message to write, with defaults for whatever a test does not care about. */
export interface MailRow {
  /** Makes the derived id; the same number is the same message. */
  uid: number;
  subject?: string;
  from?: string;
  to?: string;
  text?: string;
  html?: string | null;
  receivedAt?: Date;
  thread?: string;
  tracked?: boolean;
  flags?: number;
  keywords?: string[];
}

export interface MailFolder {
  id: string;
  connectionId: string;
  path: string[];
}

interface Store {
  database: Database;
  vault: TenantVault;
  connectionId: string;
}

/** A folder with its collection, sealed as the worker seals it. */
export async function writeFolder(
  { database, vault, connectionId }: Store,
  path: string[],
  counts: { stored?: number; expected?: number } = {},
): Promise<MailFolder> {
  const { tenantId } = vault;
  const id = vault.index('folder', connectionId, path.join('/'));
  const name = sealJson(vault, { table: 'folders', column: 'name', rowId: id }, { path, ref: id });
  await withFence(database, await licenceOf(database, tenantId, connectionId), async (tx) => {
    await tx.execute(sql`
      insert into folders (tenant_id, connection_id, id, name, role, uid_validity)
      values (${tenantId}, ${connectionId}, ${id}, ${sql.param(name)}, 'inbox', '1')`);
    await tx.execute(sql`
      insert into collections (tenant_id, connection_id, id, stored, expected)
      values (${tenantId}, ${connectionId}, ${id}, ${counts.stored ?? 0}, ${counts.expected ?? 0})`);
  });
  return { id, connectionId, path };
}

/** A message in a folder, with participants and keywords. Returns its id. */
export async function writeMessage(
  { database, vault, connectionId }: Store,
  folder: MailFolder,
  row: MailRow,
): Promise<string> {
  const { tenantId } = vault;
  const id = vault.index('message', connectionId, folder.id, '1', String(row.uid));
  const envelope = envelopeOf(row);
  const body = { text: row.text ?? `Text ${row.uid}`, html: row.html ?? null };
  const seal = (table: string, column: string, rowId: string, value: unknown) =>
    sql.param(sealJson(vault, { table, column, rowId }, value));
  const thread = row.thread ?? vault.index('message', 'thread', id);
  const receivedAt = row.receivedAt ?? new Date(Date.UTC(2026, 0, 1) + row.uid * 1000);
  const labels = (row.keywords ?? []).map((name) => ({
    id: vault.index('keyword', connectionId, name),
    name,
  }));
  await withFence(database, await licenceOf(database, tenantId, connectionId), async (tx) => {
    await tx.execute(sql`
      insert into messages (tenant_id, connection_id, id, thread_id, envelope, body, twin_index,
        content_index, sent_at, received_at, size, direction, origin, tracked, has_attachments)
      values (${tenantId}, ${connectionId}, ${id}, ${thread},
        ${seal('messages', 'envelope', id, envelope)}, ${seal('messages', 'body', id, body)},
        ${vault.index('twin', id)}, ${vault.index('content', id)}, ${receivedAt.toISOString()},
        ${receivedAt.toISOString()}, 1000, 'inbound', 'imap', ${row.tracked ?? false}, false)`);
    for (const label of labels) {
      await tx.execute(sql`
        insert into labels (tenant_id, connection_id, id, name)
        values (${tenantId}, ${connectionId}, ${label.id},
          ${seal('labels', 'name', label.id, { name: label.name })})
        on conflict do nothing`);
    }
    await tx.execute(sql`
      insert into placements (tenant_id, connection_id, folder_id, uid, message_id, flags,
        label_ids, version)
      values (${tenantId}, ${connectionId}, ${folder.id}, ${row.uid}, ${id}, ${row.flags ?? 0},
        ${sql.param(labels.map((label) => label.id))}::uuid[], 1)`);
    for (const role of ['from', 'to'] as const) {
      for (const { address } of envelope[role]) {
        const addressId = vault.index('address', normaliseAddress(address));
        await tx.execute(sql`
          insert into addresses (tenant_id, id, address)
          values (${tenantId}, ${addressId},
            ${seal('addresses', 'address', addressId, { address })})
          on conflict do nothing`);
        await tx.execute(sql`
          insert into participants (tenant_id, connection_id, message_id, role, address_id)
          values (${tenantId}, ${connectionId}, ${id}, ${role}, ${addressId})`);
      }
    }
  });
  return id;
}

/** An item that could not be stored. Returns its id. */
export async function writeSkip(
  { database, vault, connectionId }: Store,
  folder: MailFolder,
  uid: number,
): Promise<string> {
  const { tenantId } = vault;
  const id = vault.index('skip', folder.id, String(uid));
  await withFence(database, await licenceOf(database, tenantId, connectionId), (tx) =>
    tx.execute(sql`
      insert into skips (tenant_id, connection_id, id, folder_id, uid, uid_validity, reason,
        strikes, quarantined_at)
      values (${tenantId}, ${connectionId}, ${id}, ${folder.id}, ${uid}, '1', 'undecodable', 3,
        steward_now())`),
  );
  return id;
}

async function licenceOf(database: Database, tenantId: string, connectionId: string) {
  const licence = await readLicence(database.db, { tenantId, connectionId, capability: 'mail' });
  if (!licence) throw new Error('The test has no such connection.');
  return licence;
}

function envelopeOf(row: MailRow): MessageEnvelope {
  const person = (address: string): Address => ({ name: '', address });
  return {
    subject: row.subject ?? `Subject ${row.uid}`,
    from: [person(row.from ?? 'sender@example.org')],
    sender: [],
    replyTo: [],
    to: [person(row.to ?? 'me@example.org')],
    cc: [],
    bcc: [],
    messageId: `<${row.uid}@example.org>`,
    inReplyTo: '',
    references: [],
    listId: '',
    deliveredTo: [],
    attachments: [],
    headers: `Subject: ${row.subject ?? `Subject ${row.uid}`}\r\nX-Test: one\r\nX-Test: =?utf-8?q?zw=C3=B6lf?=\r\n`,
  };
}
