/** Where a sealed value lives. It is bound into the value, so that one moved elsewhere won't open. */
export interface SealedPlace {
  table: string;
  column: string;
  rowId: string;
}

/** What a keyed hash is made of; each purpose has a hash space of its own. */
export type IndexPurpose =
  | 'address'
  | 'content'
  | 'folder'
  | 'idempotency'
  | 'keyword'
  | 'mailbox'
  | 'message'
  | 'placement'
  | 'message-id'
  | 'request'
  | 'skip'
  | 'thread'
  | 'twin';

/**
 * One tenant's keys at work: seals, opens and hashes, never hands out a key.
 * Everything is synchronous, because it runs thousands of times a page.
 */
export interface TenantVault {
  readonly tenantId: string;
  /** Compresses, then encrypts (zstd, AES-256-GCM); the key's version stands in front. */
  seal(place: SealedPlace, plaintext: Uint8Array): Uint8Array;
  /** @throws when the value was altered, moved, or sealed under a key that is gone. */
  open(place: SealedPlace, sealed: Uint8Array): Uint8Array;
  /** HMAC-SHA-256 of the parts, truncated to a UUID (version 8): a blind index or a derived id. */
  index(purpose: IndexPurpose, ...parts: string[]): string;
}

/** Raw key material of a tenant, handed to nobody but the thread that seals beside the process. */
export interface TenantKeyMaterial {
  tenantId: string;
  indexKey: Uint8Array;
  /** By version; the highest seals, all open. */
  dataKeys: { version: number; key: Uint8Array }[];
}

/** Key material for a time; whoever holds it for longer keeps a key alive that may be destroyed. */
export interface LentKeyMaterial extends TenantKeyMaterial {
  /** In milliseconds, as `Date.now()` counts. */
  expiresAt: number;
}

/** Unwraps tenants' keys with the root key and keeps them for a bounded time. */
export interface Keyring {
  vault(tenantId: string): Promise<TenantVault>;
  /** Creates and wraps the first keys of a tenant; doing it again changes nothing. */
  create(tenantId: string): Promise<void>;
  /** The same object until it expires. */
  material(tenantId: string): Promise<LentKeyMaterial>;
}

/** The separate database that holds nothing but wrapped keys. */
export interface WrappedKeyStore {
  list(tenantId: string): Promise<WrappedKey[]>;
  /** Stores keys that are not there yet; the first writer wins. */
  insert(keys: WrappedKey[]): Promise<void>;
  /** Which root keys wrap the keys that are there. */
  rootKeyIds(): Promise<string[]>;
}

export interface WrappedKey {
  tenantId: string;
  purpose: 'data' | 'index';
  version: number;
  /** Which root key wrapped it: the first 8 hexadecimal digits of the root key's hash. */
  rootKeyId: string;
  wrapped: Uint8Array;
}
