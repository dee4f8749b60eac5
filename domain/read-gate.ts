/** Who acts: a member of a tenant. */
export interface Actor {
  tenantId: string;
  memberId: string;
}

/** What the gate needs to know of a message. */
export interface GatedMessage {
  tenantId: string;
  /** The member whose connection brought the message. */
  ownerId: string;
  tracked: boolean;
}

/**
 * The one read gate: a member reads the mail of their own connections, and what is tracked in their
 * tenant. Every route that shows mail asks this; `db/queries/read-gate.ts` is the same in SQL.
 */
export function mayRead(actor: Actor, message: GatedMessage): boolean {
  if (message.tenantId !== actor.tenantId) return false;
  return message.tracked || message.ownerId === actor.memberId;
}
