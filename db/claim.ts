import { AsyncLocalStorage } from 'node:async_hooks';
import { sql } from 'drizzle-orm';
import type { Tx } from './client.ts';

/** The right to carry out the request that came with an Idempotency-Key. */
export interface RequestClaim {
  tenantId: string;
  /** Of its record. */
  id: string;
  /** When it was claimed, as the database writes it: a claim that was taken over has another time. */
  claimedAt: string;
}

/** Somebody else runs the request by now: this process was taken for dead. */
export class ClaimLostError extends Error {
  override readonly name = 'ClaimLostError';
}

const claims = new AsyncLocalStorage<RequestClaim>();

/**
 * Runs a request under its claim: every writing transaction of `db/tenant.ts` that it makes marks the
 * claim as carried out. They do so, and not the routes, so that no route can forget it.
 */
export async function underClaim<T>(claim: RequestClaim, work: () => Promise<T>): Promise<T> {
  return await claims.run(claim, work);
}

/** The claim under which the caller runs. Ask for it before the transaction is begun. */
export function currentClaim(): RequestClaim | undefined {
  return claims.getStore();
}

/**
 * Marks a claim as carried out, in the transaction that carries it out, whose context is its tenant's.
 *
 * @throws ClaimLostError when it was taken over: then the transaction must not commit.
 */
export async function markCarriedOut(tx: Tx, claim: RequestClaim | undefined): Promise<void> {
  if (!claim) return;
  const marked = await tx.execute(sql`
    update idempotency_keys set done_at = coalesce(done_at, now())
    where tenant_id = ${claim.tenantId} and id = ${claim.id} and created_at = ${claim.claimedAt}
    returning id`);
  if (marked.length === 0) throw new ClaimLostError('The request is run by somebody else.');
}
