/**
 * Ids as the API shows them: a prefix that names the kind, then the 32 hexadecimal digits of a UUID.
 * Inside the product and in the database an id is the plain UUID.
 */
export const idPrefixes = {
  tenant: 'ten',
  member: 'mbr',
  connection: 'con',
  message: 'msg',
  thread: 'thr',
  folder: 'fld',
  skip: 'skp',
  intent: 'int',
  apiKey: 'key',
  memberToken: 'mtk',
  operator: 'opr',
} as const;

export type IdKind = keyof typeof idPrefixes;

/** The tenant that owns what belongs to the installation itself (operators' idempotency records). */
export const systemTenantId = '00000000-0000-0000-0000-000000000000';

/** `('message', '0192…-…')` → `msg_0192…`. */
export function toPublicId(kind: IdKind, uuid: string): string {
  return `${idPrefixes[kind]}_${uuid.replaceAll('-', '')}`;
}

/** The UUID inside a public id, or undefined when the text is not an id of that kind. */
export function parsePublicId(kind: IdKind, text: string): string | undefined {
  const match = /^([a-z]{3})_([0-9a-f]{32})$/.exec(text);
  return match?.[1] === idPrefixes[kind] ? formatUuid(match[2]!) : undefined;
}

/** 32 hexadecimal digits → the dashed form that Postgres prints. */
export function formatUuid(hex: string): string {
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `${parts.join('-')}-${hex.slice(20)}`;
}

/** A time-ordered random id (RFC 9562 §5.7) for rows that are not derived from a provider's item. */
export function uuidv7(nowMs: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let i = 0; i < 6; i += 1) bytes[i] = Math.floor(nowMs / 2 ** (8 * (5 - i))) % 256;
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return formatUuid(Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''));
}
