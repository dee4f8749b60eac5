import {
  normaliseAddress,
  participantRoles,
  type MessageBody,
  type MessageEnvelope,
  type ParticipantRole,
} from '../../domain/mail.ts';
import type { TenantVault } from '../../domain/seal.ts';

/** A message as it is sealed, with the facts that are kept beside it in the clear. */
interface IndexedMessage {
  connectionId: string;
  envelope: MessageEnvelope;
  body: MessageBody;
  receivedAt: Date;
  size: number;
}

/**
 * The keyed hashes by which a message is found. They follow from what is sealed, so computing them
 * again shows whether row and content still belong together.
 */
export function indexMessage(vault: TenantVault, message: IndexedMessage) {
  const { connectionId, envelope, body, receivedAt, size } = message;
  const { messageId } = envelope;
  const contentIndex = vault.index('content', messageId, body.text ?? '', body.html ?? '');
  // Without a Message-ID the header block stands in for it, so that strangers never match; nor do
  // they when a sender uses one Message-ID, second and size for two texts.
  const identity = messageId || envelope.headers;
  const received = String(receivedAt.getTime());
  return {
    messageIdIndex: messageId ? vault.index('message-id', messageId) : null,
    twinIndex: vault.index('twin', connectionId, identity, String(size), received, contentIndex),
    contentIndex,
  };
}

/** Who takes part in a message, once in each role, by the blind index of the address. */
export function listParticipants(
  vault: TenantVault,
  envelope: MessageEnvelope,
): { role: ParticipantRole; addressId: string; address: string }[] {
  const found = new Map<string, { role: ParticipantRole; addressId: string; address: string }>();
  for (const role of participantRoles) {
    for (const { address } of envelope[role]) {
      const addressId = vault.index('address', normaliseAddress(address));
      const key = role + addressId;
      if (!found.has(key)) found.set(key, { role, addressId, address });
    }
  }
  return [...found.values()];
}
