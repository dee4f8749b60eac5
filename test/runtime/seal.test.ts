import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { uuidv7 } from '../../domain/ids.ts';
import type { SealedPlace, TenantKeyMaterial } from '../../domain/seal.ts';
import { createKeyedHash, digestToUuid, encodeParts } from '../../runtime/hmac.ts';
import { createVault, sealedValueBytesMax } from '../../runtime/seal.ts';
import { createTestMaterial } from '../support/keys.ts';

const tenantId = uuidv7();
const material = createTestMaterial(tenantId);
const vault = createVault(material);
const place: SealedPlace = { table: 'messages', column: 'envelope', rowId: uuidv7() };
const bytes = (text: string) => Buffer.from(text);

describe('a sealed value', () => {
  it.each([0, 1, 300, 301, 5_000, 200_000])('of %i bytes opens to what was put in', (size) => {
    for (const value of [Buffer.alloc(size, 'abc'), randomBytes(size)]) {
      expect(Buffer.from(vault.open(place, vault.seal(place, value)))).toEqual(value);
    }
  });

  it('is never the same twice and shows nothing of its content', () => {
    const value = bytes('a subject that nobody else may read');
    const [first, second] = [vault.seal(place, value), vault.seal(place, value)];
    expect(Buffer.from(first)).not.toEqual(Buffer.from(second));
    expect(Buffer.from(first).includes('subject')).toBe(false);
  });

  it('is smaller than a long text', () => {
    expect(vault.seal(place, Buffer.alloc(10_000, 'a text ')).length).toBeLessThan(500);
  });

  it.each([
    ['row', { ...place, rowId: uuidv7() }],
    ['column', { ...place, column: 'body' }],
    ['table', { ...place, table: 'folders' }],
    [
      'table and column, with a shifted border',
      { ...place, table: 'messagese', column: 'nvelope' },
    ],
  ])('that was moved to another %s does not open', (_, elsewhere) => {
    const sealed = vault.seal(place, bytes('content'));
    expect(() => vault.open(elsewhere, sealed)).toThrow(/altered, moved/);
  });

  it('that was moved to another tenant does not open, not even under the same key', () => {
    const other = createVault({ ...material, tenantId: uuidv7() });
    expect(() => other.open(place, vault.seal(place, bytes('content')))).toThrow(/altered, moved/);
  });

  it('that was altered anywhere does not open', () => {
    const sealed = vault.seal(place, bytes('content'));
    for (let i = 0; i < sealed.length; i += 1) {
      const altered = Buffer.from(sealed);
      altered[i]! ^= 1;
      expect(() => vault.open(place, altered), `byte ${i}`).toThrow(/altered|key version/);
    }
    expect(() => vault.open(place, sealed.subarray(0, -1))).toThrow(/altered/);
    expect(() => vault.open(place, sealed.subarray(0, 10))).toThrow(/too short/);
  });

  it('is sealed under the newest key, and opens under every key the tenant has', () => {
    const old = vault.seal(place, bytes('before the rotation'));
    const dataKeys = [...material.dataKeys, { version: 2, key: randomBytes(32) }];
    const rotated = createVault({ ...material, dataKeys });
    expect(Buffer.from(rotated.open(place, old)).toString()).toBe('before the rotation');
    const fresh = rotated.seal(place, bytes('after it'));
    expect(Buffer.from(fresh).readUInt32BE()).toBe(2);
    expect(() => vault.open(place, fresh)).toThrow(/key version/);
  });

  it('that would unfold beyond the bound is refused, even under the right key', () => {
    const bomb = zstdCompressSync(Buffer.alloc(sealedValueBytesMax + 1));
    const sealed = sealPacked(material, Buffer.concat([Buffer.from([1]), bomb]));
    expect(sealed.length).toBeLessThan(10_000);
    expect(() => vault.open(place, sealed)).toThrow(/larger than/i);
  });

  it('larger than the bound is not made', () => {
    const huge = Buffer.alloc(sealedValueBytesMax + 1);
    expect(() => vault.seal(place, huge)).toThrow(/too large/);
  });
});

describe('a blind index', () => {
  it('is HMAC-SHA-256 as RFC 2104 has it, for any parts', () => {
    for (let i = 0; i < 2_000; i += 1) {
      const key = randomBytes(1 + (i % 100));
      const parts = Array.from({ length: i % 5 }, () => randomText(i % 700));
      const expected = createHmac('sha256', key).update(encodeParts(parts)).digest('hex');
      expect(createKeyedHash(key)(parts)).toBe(expected);
    }
  });

  it('of a text that is larger than the scratch buffer is the same function', () => {
    const key = randomBytes(32);
    const parts = ['short', 'ä€😀'.repeat(20_000), ''];
    const expected = createHmac('sha256', key).update(encodeParts(parts)).digest('hex');
    const hash = createKeyedHash(key);
    expect(hash(parts)).toBe(expected);
    expect(hash(['again'])).toBe(createKeyedHash(key)(['again']));
  });

  it('is a UUID of version 8 that keeps 122 bits of the hash', () => {
    const id = vault.index('message', 'a');
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(digestToUuid('f'.repeat(64))).toBe('ffffffff-ffff-8fff-bfff-ffffffffffff');
  });

  it('keeps parts and purposes apart', () => {
    const ids = [
      vault.index('message', 'a', 'bc'),
      vault.index('message', 'ab', 'c'),
      vault.index('message', 'abc'),
      vault.index('message', 'abc', ''),
      vault.index('twin', 'abc'),
      vault.index('address', 'abc'),
      createVault(createTestMaterial(tenantId)).index('message', 'abc'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('of an address stays the same when its cache has turned over', () => {
    const before = vault.index('address', 'first@example.com');
    for (let i = 0; i < 5_000; i += 1) vault.index('address', `person${i}@example.com`);
    expect(vault.index('address', 'first@example.com')).toBe(before);
    expect(createVault(material).index('address', 'first@example.com')).toBe(before);
  });
});

/** Seals bytes as they are, the way somebody with the key but without our bounds would. */
function sealPacked({ dataKeys }: TenantKeyMaterial, packed: Buffer): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', dataKeys[0]!.key, nonce);
  cipher.setAAD(encodeParts([tenantId, place.table, place.column, place.rowId]));
  const ciphertext = Buffer.concat([cipher.update(packed), cipher.final()]);
  return Buffer.concat([Buffer.from([0, 0, 0, 1]), nonce, ciphertext, cipher.getAuthTag()]);
}

function randomText(length: number): string {
  return randomBytes(length).toString('latin1');
}
