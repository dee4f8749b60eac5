import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  randomBytes,
  type KeyObject,
} from 'node:crypto';
import type { WrappedKey } from '../domain/seal.ts';

/** A key that wraps tenants' keys. */
export interface RootKey {
  /** Names it without telling it: the first 8 hexadecimal digits of its SHA-256. */
  id: string;
  key: KeyObject;
}

/** AES-256: the root keys and the tenants' keys have the same size. */
export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

export type KeyName = Pick<WrappedKey, 'tenantId' | 'purpose' | 'version'>;

/** @throws when the key has another size. */
export function createRootKey(bytes: Uint8Array): RootKey {
  if (bytes.length !== keyBytes) {
    throw new Error(`The root key must have ${keyBytes} bytes; this one has ${bytes.length}.`);
  }
  return { id: rootKeyIdOf(bytes), key: createSecretKey(bytes) };
}

export function rootKeyIdOf(rootKey: Uint8Array): string {
  return createHash('sha256').update(rootKey).digest('hex').slice(0, 8);
}

/** nonce | ciphertext | tag under AES-256-GCM, bound to tenant, purpose and version. */
export function wrapKey(root: RootKey, name: KeyName, key: Uint8Array): WrappedKey {
  const { tenantId, purpose, version } = name;
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', root.key, nonce);
  cipher.setAAD(nameBytes(name));
  const ciphertext = Buffer.concat([cipher.update(key), cipher.final()]);
  const wrapped = Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]);
  return { tenantId, purpose, version, rootKeyId: root.id, wrapped };
}

/** @throws when none of the root keys wrapped it, or it was altered or moved. */
export function unwrapKey(roots: readonly RootKey[], key: WrappedKey): Uint8Array {
  const root = roots.find(({ id }) => id === key.rootKeyId);
  if (!root) {
    const given = roots.map(({ id }) => id).join(' and ');
    throw new Error(
      `The keys of tenant ${key.tenantId} are wrapped by root key ${key.rootKeyId}, ` +
        `but this process was given ${given}. Start it with the root key that made them.`,
    );
  }
  const bytes = Buffer.from(key.wrapped);
  const decipher = createDecipheriv('aes-256-gcm', root.key, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(nameBytes(key));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([
      decipher.update(bytes.subarray(nonceBytes, -tagBytes)),
      decipher.final(),
    ]);
  } catch (cause) {
    throw new Error(`A wrapped key of tenant ${key.tenantId} was altered or moved.`, { cause });
  }
}

/** The same key, wrapped by the first of the root keys, and proven to open under it alone. */
export function rewrapKey(roots: readonly RootKey[], key: WrappedKey): WrappedKey {
  const [newest] = roots;
  if (!newest) throw new Error('Without a root key nothing is wrapped.');
  const plain = unwrapKey(roots, key);
  const rewrapped = wrapKey(newest, key, plain);
  if (Buffer.compare(unwrapKey([newest], rewrapped), plain) !== 0) {
    throw new Error(`A key of tenant ${key.tenantId} does not open under the new root key.`);
  }
  return rewrapped;
}

/** JSON keeps the parts apart, whatever they hold. */
function nameBytes({ tenantId, purpose, version }: KeyName): Buffer {
  return Buffer.from(JSON.stringify([tenantId, purpose, version]));
}
