import { sql } from 'drizzle-orm';
import type { Database, Tx } from '../../db/client.ts';
import { withTenant } from '../../db/tenant.ts';
import type { FolderName } from '../../domain/connection.ts';
import type { MessageBody } from '../../domain/mail.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { openJson } from '../../domain/sealed-json.ts';
import { hashText, type OracleFolder } from './imap-oracle.ts';

/** What Steward stored of a connection, in the shape in which the server's oracle is read. */
export async function readStore(
  database: Database,
  vault: TenantVault,
  connectionId: string,
): Promise<Map<string, OracleFolder>> {
  return await withTenant(database, vault.tenantId, async (tx) => {
    const found = new Map<string, OracleFolder>();
    const labels = await readLabels(tx, vault, connectionId);
    const folders = await tx.execute<{ id: string; name: Uint8Array; uid_validity: string }>(sql`
      select id, name, uid_validity from folders
      where connection_id = ${connectionId} and hidden_at is null`);
    for (const { id, name, uid_validity: uidValidity } of folders) {
      const place = { table: 'folders', column: 'name', rowId: id };
      const { ref } = openJson<FolderName>(vault, place, name);
      const rows = await tx.execute<Row>(sql`
        select p.uid, p.flags, p.label_ids, m.id, m.body
        from placements p join messages m on m.tenant_id = p.tenant_id and m.id = p.message_id
        where p.folder_id = ${id} and p.hidden_at is null`);
      const messages = new Map(
        rows.map((row) => {
          const bodyPlace = { table: 'messages', column: 'body', rowId: row.id };
          const body = openJson<MessageBody>(vault, bodyPlace, row.body);
          const hashes = { textHash: hashText(body.text), htmlHash: hashText(body.html) };
          const keywords = row.label_ids.map((label) => labels.get(label) ?? 'unknown').toSorted();
          return [Number(row.uid), { flags: row.flags, keywords, ...hashes }] as const;
        }),
      );
      found.set(ref, { uidValidity, messages });
    }
    return found;
  });
}

interface Row extends Record<string, unknown> {
  uid: string;
  flags: number;
  label_ids: string[];
  id: string;
  body: Uint8Array;
}

async function readLabels(
  tx: Tx,
  vault: TenantVault,
  connectionId: string,
): Promise<Map<string, string>> {
  const rows = await tx.execute<{ id: string; name: Uint8Array }>(sql`
    select id, name from labels where connection_id = ${connectionId}`);
  return new Map(
    rows.map(({ id, name }) => {
      const place = { table: 'labels', column: 'name', rowId: id };
      return [id, openJson<{ name: string }>(vault, place, name).name];
    }),
  );
}
