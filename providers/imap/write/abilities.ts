import type { ImapFlow } from 'imapflow';
import type { WriteAbility } from '../../../domain/mail-writer.ts';
import { isGmail } from '../gmail.ts';

/**
 * What this server lets be changed. Without MOVE and UIDPLUS no single message can be removed: a
 * plain EXPUNGE takes everything that anybody has marked (RFC 9051 §6.4.3). A Gmail host's folders
 * other than those that hold every message are labels.
 */
export function abilitiesOf(client: ImapFlow): WriteAbility[] {
  const abilities: WriteAbility[] = ['flags', isGmail(client) ? 'labels' : 'folders'];
  if (movesAtOnce(client) || canExpungeSome(client)) abilities.push('move');
  if (canExpungeSome(client)) abilities.push('delete');
  return abilities;
}

/** Whether a move is one step (RFC 6851). */
export function movesAtOnce({ capabilities }: ImapFlow): boolean {
  return capabilities.has('MOVE') || capabilities.has('IMAP4rev2');
}

/** Whether some of the messages that are marked as deleted can be expunged (RFC 4315). */
export function canExpungeSome({ capabilities }: ImapFlow): boolean {
  return capabilities.has('UIDPLUS') || capabilities.has('IMAP4rev2');
}
