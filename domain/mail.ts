/** System flags of a placement, as bits of one small integer (RFC 9051 §2.3.2). */
export const mailFlags = { seen: 1, answered: 2, flagged: 4, draft: 8, deleted: 16 } as const;

export const folderRoles = [
  'inbox',
  'sent',
  'drafts',
  'trash',
  'junk',
  'archive',
  'all',
  'flagged',
] as const;

/** What a folder is for (RFC 6154); undefined for a folder of the member's own. */
export type FolderRole = (typeof folderRoles)[number];

export type Direction = 'inbound' | 'outbound' | 'draft';

export interface Address {
  name: string;
  /** As the header gave it; lower-cased only inside the blind index. */
  address: string;
}

export const participantRoles = ['from', 'sender', 'replyTo', 'to', 'cc', 'bcc'] as const;
export type ParticipantRole = (typeof participantRoles)[number];

export interface AttachmentInfo {
  name: string;
  type: string;
  /** Encoded size in bytes as the provider states it. */
  size: number;
  /** The provider's name of the part, for example the IMAP section `2.1`. */
  part: string;
}

/** What lists need of a message; sealed as one value, `messages.envelope`. */
export interface MessageEnvelope extends Record<ParticipantRole, Address[]> {
  subject: string;
  messageId: string;
  inReplyTo: string;
  /** Newest last, at most 100. */
  references: string[];
  listId: string;
  deliveredTo: string[];
  attachments: AttachmentInfo[];
  /** The header block as it came, order and repeats kept; decoded when it is read. */
  headers: string;
}

/** Sealed as one value, `messages.body`. Null where the message has no such part. */
export interface MessageBody {
  text: string | null;
  html: string | null;
}

/** The address as the blind index sees it: trimmed and lower-cased; an IDN domain in ASCII. */
export function normaliseAddress(address: string): string {
  const trimmed = address.trim().toLowerCase();
  const at = trimmed.lastIndexOf('@');
  if (at < 0) return trimmed;
  const domain = trimmed.slice(at + 1).replace(/\.$/, '');
  return `${trimmed.slice(0, at)}@${asciiDomain(domain)}`;
}

function asciiDomain(domain: string): string {
  // Only names with letters beyond ASCII need the URL parser, which costs microseconds.
  if (/^[\x21-\x7e]*$/.test(domain)) return domain;
  return URL.canParse(`http://${domain}`) ? new URL(`http://${domain}`).hostname : domain;
}
