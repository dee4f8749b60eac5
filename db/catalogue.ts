import type { ConnectionProfile, FolderName } from '../domain/connection.ts';
import type { MessageBody, MessageEnvelope } from '../domain/mail.ts';
import type { ImapAccount } from '../domain/provider.ts';

/** What a column, or a field inside a sealed value, holds. */
export type Holds =
  | 'id'
  | 'count'
  | 'state'
  | 'time'
  /** A keyed or plain hash: a blind index, a derived id, a chain's link. */
  | 'hash'
  /** An encrypted value; `fields` names what is inside. */
  | 'sealed'
  /** A key that another key wraps. */
  | 'key'
  /** A provider's counters and positions. */
  | 'cursor'
  /** The CRM's name of its customer, as operators read it. */
  | 'tenant-name'
  | 'operator-name'
  /** A word of ours: an action, a reason, a region, a file of ours. */
  | 'word';

/** What stands inside a sealed value. Everything there may be personal. */
export type FieldHolds = 'content' | 'address' | 'name' | 'credential' | 'provider-id' | 'count';

/**
 * How a column's content ends: with its row (`row`); with the row, and before that with the
 * tenant's key (`key-and-row`); or never, because it proves what was done (`kept`).
 */
export type Erase = 'row' | 'key-and-row' | 'kept';

/** How a purge shows that it is gone: no row is left, no key is left, or nothing is to be shown. */
export type Verify = 'no-rows' | 'no-key' | 'none';

export interface CatalogueColumn {
  holds: Holds;
  /** Whether the tenant's export shows it: as it is, opened, or not at all. */
  export: 'plain' | 'opened' | 'no';
  erase: Erase;
  verify: Verify;
  /** Of sealed values: every field inside. */
  fields?: Readonly<Record<string, FieldHolds>>;
}

export interface CatalogueTable {
  database: 'data' | 'keys';
  /** `schema.table` */
  name: string;
  columns: Readonly<Record<string, CatalogueColumn>>;
}

type Sealed<T extends object> = Readonly<Record<keyof T & string, FieldHolds>>;

/** Fields inside each sealed value; the compiler compares them with the value's type. */
const imapAccount: Sealed<Required<ImapAccount>> = {
  host: 'name',
  port: 'count',
  security: 'count',
  username: 'address',
  password: 'credential',
  accessToken: 'credential',
};
const connectionProfile: Sealed<ConnectionProfile> = {
  address: 'address',
  host: 'name',
  excludedFolders: 'name',
};
const folderName: Sealed<FolderName> = { path: 'name', ref: 'provider-id' };
const messageEnvelope: Sealed<MessageEnvelope> = {
  subject: 'content',
  messageId: 'provider-id',
  inReplyTo: 'provider-id',
  references: 'provider-id',
  listId: 'provider-id',
  deliveredTo: 'address',
  attachments: 'name',
  headers: 'content',
  from: 'address',
  sender: 'address',
  replyTo: 'address',
  to: 'address',
  cc: 'address',
  bcc: 'address',
};
const messageBody: Sealed<MessageBody> = { text: 'content', html: 'content' };

/** Every column of both databases. A test compares the list with what the migrations made. */
export const catalogue: readonly CatalogueTable[] = [
  ofTenant('messages', {
    id: 'id',
    tenant_id: 'id',
    connection_id: 'id',
    thread_id: 'id',
    envelope: sealed(messageEnvelope),
    body: sealed(messageBody),
    message_id_index: 'hash',
    twin_index: 'hash',
    content_index: 'hash',
    sent_at: 'time',
    received_at: 'time',
    size: 'count',
    direction: 'state',
    origin: 'word',
    tracked: 'state',
    has_attachments: 'state',
    created_at: 'time',
    hidden_at: 'time',
  }),
  ofTenant('placements', {
    tenant_id: 'id',
    folder_id: 'id',
    uid: 'cursor',
    connection_id: 'id',
    message_id: 'id',
    flags: 'state',
    label_ids: 'id',
    version: 'cursor',
    hidden_at: 'time',
  }),
  ofTenant('labels', {
    id: 'id',
    tenant_id: 'id',
    connection_id: 'id',
    name: sealed({ name: 'name' }),
  }),
  ofTenant('participants', {
    tenant_id: 'id',
    message_id: 'id',
    role: 'word',
    address_id: 'hash',
    connection_id: 'id',
  }),
  ofTenant('addresses', {
    tenant_id: 'id',
    id: 'hash',
    address: sealed({ address: 'address' }),
  }),
  ofTenant('thread_references', {
    tenant_id: 'id',
    connection_id: 'id',
    message_id_index: 'hash',
    thread_id: 'id',
  }),
  ofTenant('tombstones', {
    tenant_id: 'id',
    folder_id: 'id',
    uid_validity: 'cursor',
    uid: 'cursor',
    connection_id: 'id',
    at: 'time',
  }),
  ofTenant('skips', {
    id: 'id',
    tenant_id: 'id',
    connection_id: 'id',
    folder_id: 'id',
    uid: 'cursor',
    uid_validity: 'cursor',
    reason: 'word',
    strikes: 'count',
    quarantined_at: 'time',
    created_at: 'time',
  }),
  ofTenant('members', {
    id: 'id',
    tenant_id: 'id',
    profile: sealed({ name: 'name', email: 'address' }),
    email_index: 'hash',
    role: 'word',
    created_at: 'time',
    left_at: 'time',
  }),
  ofTenant('connections', {
    id: 'id',
    tenant_id: 'id',
    member_id: 'id',
    provider: 'word',
    capabilities: 'word',
    // What opens an account at a provider leaves in no export.
    credentials: { ...sealed(imapAccount), export: 'no' },
    profile: sealed(connectionProfile),
    account_index: 'hash',
    backfill_since: 'time',
    created_at: 'time',
    disconnected_at: 'time',
    erase_after: 'time',
  }),
  ofTenant('sync_status', {
    tenant_id: 'id',
    connection_id: 'id',
    capability: 'word',
    state: 'state',
    reason: 'word',
    state_since: 'time',
    last_error_kind: 'word',
    last_error_at: 'time',
    next_attempt_at: 'time',
    login_strikes: 'count',
    caught_up_at: 'time',
    behind_since: 'time',
    watch_seen_at: 'time',
    backfill_done_at: 'time',
  }),
  ofTenant('collections', {
    id: 'id',
    tenant_id: 'id',
    connection_id: 'id',
    live_cursor: 'cursor',
    backfill_cursor: 'cursor',
    backfill_done: 'state',
    mark: 'cursor',
    stored: 'count',
    expected: 'count',
  }),
  ofTenant('folders', {
    id: 'id',
    tenant_id: 'id',
    connection_id: 'id',
    name: sealed(folderName),
    role: 'word',
    uid_validity: 'cursor',
    excluded: 'state',
    created_at: 'time',
    hidden_at: 'time',
  }),
  ofTenant('idempotency_keys', {
    tenant_id: 'id',
    id: 'hash',
    request_hash: 'hash',
    status: 'state',
    // Answers repeat what the export shows at its own place.
    response: { ...sealed({ status: 'count', body: 'content' }), export: 'no' },
    created_at: 'time',
  }),
  table('directory.tenants', { export: 'plain', erase: 'row', verify: 'no-rows' }, {
    id: 'id',
    name: 'tenant-name',
    region: 'word',
    state: 'state',
    epoch: 'count',
    created_at: 'time',
  }),
  table('directory.connections', { export: 'no', erase: 'row', verify: 'no-rows' }, {
    id: 'id',
    capability: 'word',
    tenant_id: 'id',
    provider: 'word',
    wanted: 'state',
    watch_shard: 'count',
    generation: 'count',
    closed_at: 'time',
    created_at: 'time',
  }),
  table('directory.api_keys', { export: 'no', erase: 'row', verify: 'no-rows' }, {
    id: 'id',
    tenant_id: 'id',
    hash: 'hash',
    created_at: 'time',
    revoked_at: 'time',
  }),
  table('admin.operators', { export: 'no', erase: 'kept', verify: 'none' }, {
    id: 'id',
    name: 'operator-name',
    key_hash: 'hash',
    created_at: 'time',
    revoked_at: 'time',
  }),
  table('admin.audit_log', { export: 'no', erase: 'kept', verify: 'none' }, {
    seq: 'count',
    tenant_id: 'id',
    actor: 'id',
    action: 'word',
    target: 'id',
    at: 'time',
    previous_hash: 'hash',
    hash: 'hash',
  }),
  migrations('data'),
  migrations('keys'),
  {
    database: 'keys',
    name: 'public.wrapped_keys',
    columns: columnsOf({ export: 'no', erase: 'row', verify: 'no-key' }, {
      tenant_id: 'id',
      purpose: 'word',
      version: 'count',
      root_key_id: 'hash',
      wrapped: 'key',
      created_at: 'time',
    }),
  },
];

type Treatment = Omit<CatalogueColumn, 'holds' | 'fields'>;
type Columns = Readonly<Record<string, Exclude<Holds, 'sealed'> | CatalogueColumn>>;

function ofTenant(name: string, columns: Columns): CatalogueTable {
  const treatment = { export: 'plain', erase: 'row', verify: 'no-rows' } as const;
  return table(`public.${name}`, treatment, columns);
}

function table(name: string, treatment: Treatment, columns: Columns): CatalogueTable {
  return { database: 'data', name, columns: columnsOf(treatment, columns) };
}

function migrations(database: CatalogueTable['database']): CatalogueTable {
  const columns = columnsOf(
    { export: 'no', erase: 'kept', verify: 'none' },
    { name: 'word', checksum: 'hash', applied_at: 'time' },
  );
  return { database, name: 'migrations.applied', columns };
}

function columnsOf(treatment: Treatment, columns: Columns): CatalogueTable['columns'] {
  return Object.fromEntries(
    Object.entries(columns).map(([name, entry]) => {
      if (typeof entry !== 'string') return [name, entry];
      // Hashes and positions mean nothing outside of this installation.
      const internal = entry === 'hash' || entry === 'cursor';
      return [name, { ...treatment, holds: entry, ...(internal && { export: 'no' as const }) }];
    }),
  );
}

function sealed(fields: Readonly<Record<string, FieldHolds>>): CatalogueColumn {
  return { holds: 'sealed', export: 'opened', erase: 'key-and-row', verify: 'no-key', fields };
}
