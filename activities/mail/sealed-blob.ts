import type { Span } from '../../domain/mail-page.ts';
import type { SealedPlace, TenantVault } from '../../domain/seal.ts';

/** Sealed values of one page, end to end in one buffer, which crosses threads without a copy. */
export interface SealedBlob {
  sealJson(place: SealedPlace, value: unknown): Span;
  /** The whole blob in a buffer of its own; afterwards the builder is spent. */
  take(): Uint8Array<ArrayBuffer>;
}

export function createSealedBlob(vault: TenantVault): SealedBlob {
  const values: Uint8Array[] = [];
  let length = 0;
  return {
    sealJson: (place, value) => {
      const sealed = vault.seal(place, Buffer.from(JSON.stringify(value)));
      const span = [length, sealed.length] as const;
      values.push(sealed);
      length += sealed.length;
      return span;
    },
    take: () => {
      const blob = new Uint8Array(length);
      let offset = 0;
      for (const value of values) {
        blob.set(value, offset);
        offset += value.length;
      }
      return blob;
    },
  };
}
