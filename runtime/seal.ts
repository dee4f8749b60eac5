import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  randomFillSync,
  type KeyObject,
} from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import type { SealedPlace, TenantKeyMaterial, TenantVault } from '../domain/seal.ts';
import { compress } from './compress.ts';
import { createKeyedHash, digestToUuid } from './hmac.ts';

/**
 * A sealed value: key version (4 bytes) | nonce (12) | ciphertext | tag (16). Under the encryption
 * one byte says how the rest is kept. The place, with the tenant, is authenticated beside it.
 */
const versionBytes = 4;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = versionBytes + nonceBytes;

const rawFlag = 0;
const zstdFlag = 1;

/** Below this size compression costs more time than it saves bytes. */
const compressMinBytes = 300;

/**
 * No value is larger: the pages of the sync are bounded far below it. It also bounds what opening
 * a value may unfold to, whoever sealed it.
 */
export const sealedValueBytesMax = 32 * 1_024 * 1_024;

/** Random bytes are drawn for so many nonces at once; one draw per value is measurably slower. */
const noncesPerDraw = 4_096;

/** Addresses repeat within a mailbox; so many indexes are kept per vault, about 1 MB. */
const addressCacheMax = 4_096;

/**
 * One tenant's keys at work. Nonces are random: at 2³² values under one key the odds of a repeat
 * reach 2⁻³³ (NIST SP 800-38D §8.3), long before which the data key is rotated.
 */
export function createVault(material: TenantKeyMaterial): TenantVault {
  const { tenantId } = material;
  const keys = new Map(
    material.dataKeys.map(({ version, key }) => [version, createSecretKey(key)] as const),
  );
  const newest = Math.max(...keys.keys());
  const sealingKey = keys.get(newest);
  if (!sealingKey) throw new Error('A tenant without a data key can not seal.');
  const nextNonce = createNonces();
  const placeBytes = createPlaceEncoder(tenantId);
  const index = createIndex(createKeyedHash(material.indexKey));

  return {
    tenantId,
    index,
    seal: (place, plaintext) => {
      const sealed = encrypt(sealingKey, nextNonce(), placeBytes(place), pack(plaintext));
      sealed.writeUInt32BE(newest);
      return sealed;
    },
    open: (place, sealed) => {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      if (bytes.length < headBytes + 1 + tagBytes)
        throw new Error('The sealed value is too short.');
      const key = keys.get(bytes.readUInt32BE());
      if (!key) throw new Error('The sealed value names a key version that this tenant lacks.');
      return unpack(decrypt(key, bytes, placeBytes(place)));
    },
  };
}

function encrypt(key: KeyObject, nonce: Buffer, place: Buffer, packed: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(place);
  const sealed = Buffer.allocUnsafe(headBytes + packed.length + tagBytes);
  sealed.set(nonce, versionBytes);
  // GCM is a stream: all of it comes out of the one update, and `final` only makes the tag.
  sealed.set(cipher.update(packed), headBytes);
  cipher.final();
  sealed.set(cipher.getAuthTag(), headBytes + packed.length);
  return sealed;
}

function decrypt(key: KeyObject, sealed: Buffer, place: Buffer): Buffer {
  const nonce = sealed.subarray(versionBytes, headBytes);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(place);
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  const packed = decipher.update(sealed.subarray(headBytes, -tagBytes));
  try {
    decipher.final();
  } catch (cause) {
    throw new Error('The sealed value was altered, moved, or sealed for another place.', { cause });
  }
  return packed;
}

/** Puts the flag byte in front of the value, compressed where that makes it smaller. */
function pack(plaintext: Uint8Array): Buffer {
  if (plaintext.length > sealedValueBytesMax) throw new Error('The value is too large to seal.');
  const small = plaintext.length > compressMinBytes ? compress(plaintext) : plaintext;
  const content = small.length < plaintext.length ? small : plaintext;
  const packed = Buffer.allocUnsafe(1 + content.length);
  packed[0] = content === plaintext ? rawFlag : zstdFlag;
  packed.set(content, 1);
  return packed;
}

function unpack(packed: Buffer): Buffer {
  const content = packed.subarray(1);
  if (packed[0] === rawFlag) return content;
  if (packed[0] !== zstdFlag) throw new Error('The sealed value is kept in an unknown way.');
  return zstdDecompressSync(content, { maxOutputLength: sealedValueBytesMax });
}

function createNonces(): () => Buffer {
  const pool = Buffer.alloc(noncesPerDraw * nonceBytes);
  let offset = pool.length;
  return () => {
    if (offset === pool.length) {
      randomFillSync(pool);
      offset = 0;
    }
    offset += nonceBytes;
    return pool.subarray(offset - nonceBytes, offset);
  };
}

/** Tenant, table, column and row, each behind its length: what a value is bound to. */
function createPlaceEncoder(tenantId: string): (place: SealedPlace) => Buffer {
  const columns = new Map<string, Buffer>();
  return ({ table, column, rowId }) => {
    const name = `${table}.${column}`;
    let prefix = columns.get(name);
    if (!prefix) {
      prefix = Buffer.concat([tenantId, table, column].map(withLength));
      columns.set(name, prefix);
    }
    return Buffer.concat([prefix, withLength(rowId)]);
  };
}

function withLength(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
  bytes.writeUInt32BE(bytes.length - 4);
  bytes.write(text, 4);
  return bytes;
}

function createIndex(keyedHash: ReturnType<typeof createKeyedHash>): TenantVault['index'] {
  const addresses = new Map<string, string>();
  return (purpose, ...parts) => {
    const cached = purpose === 'address' && parts.length === 1 ? parts[0]! : undefined;
    const known = cached === undefined ? undefined : addresses.get(cached);
    if (known !== undefined) return known;
    const id = digestToUuid(keyedHash([purpose, ...parts]));
    if (cached !== undefined) {
      if (addresses.size >= addressCacheMax) addresses.delete(addresses.keys().next().value!);
      addresses.set(cached, id);
    }
    return id;
  };
}
