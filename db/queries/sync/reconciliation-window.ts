import { sql } from 'drizzle-orm';
import type { SkipReason } from '../../../domain/provider.ts';
import type { Tx } from '../../client.ts';

/** Places of a folder from behind one UID up to another. */
export interface UidWindow {
  tenantId: string;
  folderId: string;
  afterUid: number;
  throughUid: number;
}

export interface StoredPlace {
  uid: number;
  messageId: string;
  flags: number;
  labels: string[];
  version: bigint;
  /** The brake holds its deletion. */
  held: boolean;
  /** Its message is not there, or hidden although it stands here. */
  torn: boolean;
  /** Its message has nobody who takes part, or somebody without an address: worth a closer look. */
  suspect: boolean;
  /** A keyword of it has lost its name. */
  nameless: boolean;
}

const within = ({ tenantId, folderId, afterUid, throughUid }: UidWindow) => sql`
  p.tenant_id = ${tenantId} and p.folder_id = ${folderId} and p.uid > greatest(${afterUid}, 0)
  and p.uid <= ${throughUid} and p.hidden_at is null`;

/** What people see in a window, with what is wrong with it by itself. */
export async function readPlaces(tx: Tx, window: UidWindow): Promise<Map<number, StoredPlace>> {
  const rows = await tx.execute<{
    uid: string;
    message_id: string;
    flags: number;
    label_ids: string[];
    version: string;
    held: boolean;
    torn: boolean;
    suspect: boolean;
    nameless: boolean;
  }>(sql`
    select p.uid, p.message_id, p.flags, p.label_ids, p.version,
      p.missing_at is not null as held, m.id is null or m.hidden_at is not null as torn,
      m.id is not null and coalesce((
        select bool_or(a.id is null) from participants t
        left join addresses a on a.tenant_id = t.tenant_id and a.id = t.address_id
        where t.tenant_id = p.tenant_id and t.message_id = p.message_id), true) as suspect,
      exists (select from unnest(p.label_ids) as label (id) where not exists (
        select from labels l where l.tenant_id = p.tenant_id and l.id = label.id)) as nameless
    from placements p
    left join messages m on m.tenant_id = p.tenant_id and m.id = p.message_id
    where ${within(window)}`);
  return new Map(
    rows.map((row) => [
      Number(row.uid),
      {
        uid: Number(row.uid),
        messageId: row.message_id,
        flags: row.flags,
        labels: row.label_ids,
        version: BigInt(row.version),
        held: row.held,
        torn: row.torn,
        suspect: row.suspect,
        nameless: row.nameless,
      },
    ]),
  );
}

/** Items of a window that could not be stored so far, with the reason. */
export async function readSkips(tx: Tx, window: UidWindow): Promise<Map<number, SkipReason>> {
  const rows = await tx.execute<{ uid: string; reason: SkipReason }>(sql`
    select k.uid, k.reason from skips k
    where k.tenant_id = ${window.tenantId} and k.folder_id = ${window.folderId}
      and k.uid > ${window.afterUid} and k.uid <= ${window.throughUid}`);
  return new Map(rows.map((row) => [Number(row.uid), row.reason]));
}

export interface SealedRow {
  uid: number;
  id: string;
  connectionId: string;
  envelope: Uint8Array;
  body: Uint8Array;
  messageIdIndex: string | null;
  twinIndex: string;
  contentIndex: string;
  receivedAt: Date;
  size: number;
  participants: { role: string; addressId: string; address: Uint8Array }[];
}

export interface VerifyOptions {
  /** Which of the shares; null for every message. */
  share: number | null;
  shares: number;
  suspects: number[];
  itemsMax: number;
  bytesMax: number;
}

/** Messages of a window to be opened, in ascending order of UIDs: as many as the bounds allow. */
export async function readSealedRows(
  tx: Tx,
  window: UidWindow,
  { share, shares, suspects, itemsMax, bytesMax }: VerifyOptions,
): Promise<SealedRow[]> {
  const due =
    share === null
      ? sql`true`
      : sql`(get_byte(uuid_send(m.id), 0) % ${shares} = ${share}
          or p.uid = any(${sql.param(suspects)}::bigint[]))`;
  const rows = await tx.execute<{
    uid: string;
    id: string;
    connection_id: string;
    envelope: Uint8Array;
    body: Uint8Array;
    message_id_index: string | null;
    twin_index: string;
    content_index: string;
    received_at: string;
    size: number;
  }>(sql`
    select picked.uid, m.id, m.connection_id, m.envelope, m.body, m.message_id_index,
      m.twin_index, m.content_index, m.received_at, m.size
    from (
      select p.uid, m.id, row_number() over (order by p.uid) as nth,
        sum(octet_length(m.envelope) + octet_length(m.body)) over (order by p.uid) as bytes
      from placements p join messages m on m.tenant_id = p.tenant_id and m.id = p.message_id
      where ${within(window)} and ${due}
      order by p.uid limit ${itemsMax}
    ) picked join messages m on m.tenant_id = ${window.tenantId} and m.id = picked.id
    where picked.nth = 1 or picked.bytes <= ${bytesMax}
    order by picked.uid`);
  const people = await readParticipants(
    tx,
    window.tenantId,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => ({
    uid: Number(row.uid),
    id: row.id,
    connectionId: row.connection_id,
    envelope: row.envelope,
    body: row.body,
    messageIdIndex: row.message_id_index,
    twinIndex: row.twin_index,
    contentIndex: row.content_index,
    receivedAt: new Date(row.received_at),
    size: row.size,
    participants: people.get(row.id) ?? [],
  }));
}

async function readParticipants(
  tx: Tx,
  tenantId: string,
  messageIds: string[],
): Promise<Map<string, SealedRow['participants']>> {
  const rows = await tx.execute<{
    message_id: string;
    role: string;
    address_id: string;
    address: Uint8Array | null;
  }>(sql`
    select t.message_id, t.role, t.address_id, a.address
    from participants t
    left join addresses a on a.tenant_id = t.tenant_id and a.id = t.address_id
    where t.tenant_id = ${tenantId} and t.message_id = any(${sql.param(messageIds)}::uuid[])`);
  const byMessage = new Map<string, SealedRow['participants']>();
  for (const { message_id: id, role, address_id: addressId, address } of rows) {
    const found = byMessage.get(id) ?? [];
    // One without an address opens as little as one that was changed.
    found.push({ role, addressId, address: address ?? new Uint8Array() });
    byMessage.set(id, found);
  }
  return byMessage;
}
