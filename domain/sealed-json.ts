import type { SealedPlace, TenantVault } from './seal.ts';

/** Seals a value as JSON. */
export function sealJson(vault: TenantVault, place: SealedPlace, value: unknown): Uint8Array {
  return vault.seal(place, new TextEncoder().encode(JSON.stringify(value)));
}

/** Opens what `sealJson` sealed; the caller names the type that was put in. */
export function openJson<T>(vault: TenantVault, place: SealedPlace, sealed: Uint8Array): T {
  return JSON.parse(new TextDecoder().decode(vault.open(place, sealed))) as T;
}
