import { mailFlags } from '../../domain/mail.ts';
import type { Direction, MessageEnvelope } from '../../domain/mail.ts';
import type { EncodeJob, SealedMailPage, SealedMessage } from '../../domain/mail-page.ts';
import type { ItemFailure, RawMessage } from '../../domain/provider.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { decodeMessage } from './decode-message.ts';
import { indexMessage, listParticipants } from './message-indexes.ts';
import { createSealedBlob, type SealedBlob } from './sealed-blob.ts';

/**
 * Decodes and seals a page. A message that can't be decoded becomes a failure of its own; the rest
 * of the page goes on. Ids are derived, so the same page encoded twice stores the same rows.
 */
export function encodePage(vault: TenantVault, job: EncodeJob): SealedMailPage {
  const page = createPage(vault, job);
  const messages: SealedMessage[] = [];
  const failures: ItemFailure[] = [];
  for (const raw of job.messages) {
    try {
      messages.push(encodeMessage(page, raw));
    } catch {
      // Whatever a hostile message provokes must cost that message only; the reason is recorded.
      failures.push({ uid: raw.uid, reason: 'undecodable' });
    }
  }
  const { addresses, labels } = page;
  return {
    blob: page.blob.take(),
    messages,
    failures,
    addresses: [...addresses].map(([id, address]) => ({ id, address })),
    labels: [...labels].map(([id, name]) => ({ id, name })),
  };
}

interface Page {
  vault: TenantVault;
  job: EncodeJob;
  own: Set<string>;
  blob: SealedBlob;
  addresses: Map<string, readonly [number, number]>;
  labels: Map<string, readonly [number, number]>;
}

function createPage(vault: TenantVault, job: EncodeJob): Page {
  return {
    vault,
    job,
    own: new Set(job.ownAddressIds),
    blob: createSealedBlob(vault),
    addresses: new Map(),
    labels: new Map(),
  };
}

function encodeMessage(page: Page, raw: RawMessage): SealedMessage {
  const { vault, job, blob } = page;
  const decoded = decodeMessage(raw);
  const { envelope, body } = decoded;
  const id = job.knownIds.get(raw.uid) ?? deriveMessageId(page, raw);
  const participants = encodeParticipants(page, envelope);
  const { receivedAt, size } = raw;
  const { connectionId } = job;
  const named = new Set([envelope.inReplyTo, ...envelope.references]);
  named.delete('');
  named.delete(envelope.messageId);
  return {
    id,
    uid: raw.uid,
    flags: raw.flags,
    labelIds: raw.keywords.map((name) => encodeLabel(page, name)),
    version: raw.version,
    envelope: blob.sealJson({ table: 'messages', column: 'envelope', rowId: id }, envelope),
    body: blob.sealJson({ table: 'messages', column: 'body', rowId: id }, body),
    ...indexMessage(vault, { connectionId, envelope, body, receivedAt, size }),
    references: [...named].map((name) => vault.index('message-id', name)),
    threadIndex: raw.threadId ? vault.index('thread', job.connectionId, raw.threadId) : null,
    sentAt: decoded.sentAt,
    receivedAt,
    size,
    direction: directionOf(page, raw, participants),
    hasAttachments: raw.attachments.length > 0,
    participants,
  };
}

function deriveMessageId({ vault, job }: Page, raw: RawMessage): string {
  return raw.stableId === undefined
    ? vault.index('message', job.connectionId, job.folderId, job.uidValidity, String(raw.uid))
    : vault.index('message', job.connectionId, 'stable', raw.stableId);
}

function encodeParticipants(page: Page, envelope: MessageEnvelope): SealedMessage['participants'] {
  return listParticipants(page.vault, envelope).map(({ role, addressId, address }) => {
    if (!page.addresses.has(addressId)) {
      const place = { table: 'addresses', column: 'address', rowId: addressId };
      page.addresses.set(addressId, page.blob.sealJson(place, { address }));
    }
    return { role, addressId };
  });
}

function encodeLabel(page: Page, name: string): string {
  const id = page.vault.index('keyword', page.job.connectionId, name);
  if (!page.labels.has(id)) {
    const place = { table: 'labels', column: 'name', rowId: id };
    page.labels.set(id, page.blob.sealJson(place, { name }));
  }
  return id;
}

function directionOf(
  { job, own }: Page,
  raw: RawMessage,
  participants: SealedMessage['participants'],
): Direction {
  if ((raw.flags & mailFlags.draft) !== 0 || job.folderRole === 'drafts') return 'draft';
  if (job.folderRole === 'sent') return 'outbound';
  const fromOwn = participants.some(({ role, addressId }) => role === 'from' && own.has(addressId));
  return fromOwn ? 'outbound' : 'inbound';
}
