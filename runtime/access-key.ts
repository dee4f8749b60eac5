import { createHash, randomBytes } from 'node:crypto';

/** `stw` opens a tenant's API, `mt` the same for one member and an hour, `op` the operators'. */
export type AccessKeyPrefix = 'stw' | 'mt' | 'op';

/** 256 bits: nobody guesses one, so its hash needs neither salt nor stretching. */
const keyBytes = 32;

export interface AccessKey {
  /** Shown once and never stored: prefix, underscore, 43 base64url characters. */
  key: string;
  hash: Uint8Array;
}

/** A new random key with the hash that is stored of it. */
export function createAccessKey(prefix: AccessKeyPrefix): AccessKey {
  const key = `${prefix}_${randomBytes(keyBytes).toString('base64url')}`;
  return { key, hash: hashAccessKey(key) };
}

/** What the database knows of a key: its SHA-256. */
export function hashAccessKey(key: string): Uint8Array {
  return createHash('sha256').update(key).digest();
}

/** Which kind of key a text is by its form; undefined when it is none. */
export function accessKeyPrefix(text: string): AccessKeyPrefix | undefined {
  return /^(stw|mt|op)_[\w-]{43}$/.exec(text)?.[1] as AccessKeyPrefix | undefined;
}
