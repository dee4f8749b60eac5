import { idPrefixes, toPublicId, type IdKind } from '../domain/ids.ts';

/** Words of the log that are shorter than the kinds of ids. */
const kinds: Readonly<Record<string, IdKind>> = { key: 'apiKey' };

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `member:0199…` of the log as people meet it elsewhere: `{kind: 'member', id: 'mbr_0199…'}`. */
export function viewAuditName(name: string): { kind: string; id: string | null } {
  const colon = name.indexOf(':');
  if (colon < 0) return { kind: name, id: null };
  const [kind, id] = [name.slice(0, colon), name.slice(colon + 1)];
  const idKind = kinds[kind] ?? kind;
  return { kind, id: isIdKind(idKind) && uuid.test(id) ? toPublicId(idKind, id) : id };
}

function isIdKind(kind: string): kind is IdKind {
  return Object.hasOwn(idPrefixes, kind);
}
