import type { IntentContent } from './intent.ts';
import type { TenantVault } from './seal.ts';
import { openJson, sealJson } from './sealed-json.ts';

const nothing: IntentContent = { addKeywords: [], removeKeywords: [], path: [] };

/** Opens what an intent holds of content. */
export function openContent(
  vault: TenantVault,
  { id, change }: { id: string; change: Uint8Array | null },
): IntentContent {
  if (change === null) return nothing;
  return openJson<IntentContent>(vault, { table: 'intents', column: 'change', rowId: id }, change);
}

/** Seals what an intent holds of content; null when it holds none. */
export function sealContent(
  vault: TenantVault,
  id: string,
  content: Partial<IntentContent>,
): Uint8Array | null {
  const whole = { ...nothing, ...content };
  if (Object.values(whole).every((names) => names.length === 0)) return null;
  return sealJson(vault, { table: 'intents', column: 'change', rowId: id }, whole);
}
