import { sql } from 'drizzle-orm';
import type { RequestClaim } from '../claim.ts';
import type { Tx } from '../client.ts';

interface RequestKey {
  tenantId: string;
  id: string;
}

export interface EarlierRequest {
  requestHash: Uint8Array;
  status: number | null;
  /** Sealed answer. */
  response: Uint8Array | null;
  /** It was carried out, and there will be no answer any more. */
  lost: boolean;
}

/** Whether the caller runs the request, or what is known of the one that did or does. */
export type Claimed =
  | { claim: RequestClaim; earlier?: never }
  | { claim?: never; earlier: EarlierRequest };

/** How long an answer may be had again; the worker's sweep deletes it within the hour after. */
const keptHours = 24;

/** How many expired records a new one takes with it, so that a busy tenant's table stays small. */
const sweptPerClaim = 20;

const expired = sql`created_at < now() - make_interval(hours => ${keptHours})`;

/**
 * Claims an Idempotency-Key. An earlier request has it, unless that one's time is over, or nothing was
 * carried out within `runningMinutes` (its process died).
 */
export async function claimRequest(
  tx: Tx,
  { tenantId, id }: RequestKey,
  requestHash: Uint8Array,
  { runningMinutes }: { runningMinutes: number },
): Promise<Claimed> {
  await sweepExpiredRequests(tx, tenantId, sweptPerClaim);
  const late = sql`created_at < now() - make_interval(mins => ${runningMinutes})`;
  const [claimed] = await tx.execute<{ claimedAt: string }>(sql`
    insert into idempotency_keys as old (tenant_id, id, request_hash)
    values (${tenantId}, ${id}, ${sql.param(requestHash)})
    on conflict (tenant_id, id) do update set request_hash = excluded.request_hash, status = null,
      response = null, done_at = null, created_at = now()
    where old.created_at < now() - make_interval(hours => ${keptHours})
      or (old.status is null and old.done_at is null
        and old.request_hash = excluded.request_hash and old.${late})
    returning created_at::text as "claimedAt"`);
  if (claimed) return { claim: { tenantId, id, claimedAt: claimed.claimedAt } };
  const [earlier] = await tx.execute<EarlierRequest & Record<string, unknown>>(sql`
    select request_hash as "requestHash", status, response,
      response is null and (status is not null or (done_at is not null and ${late})) as lost
    from idempotency_keys where tenant_id = ${tenantId} and id = ${id}`);
  // The conflict was with this row, and whoever deletes it waits for this transaction.
  return { earlier: earlier! };
}

/** Keeps the answer for replays. */
export async function finishRequest(
  tx: Tx,
  { tenantId, id, claimedAt }: RequestClaim,
  answer: { status: number; response: Uint8Array },
): Promise<void> {
  await tx.execute(sql`
    update idempotency_keys set status = ${answer.status}, response = ${sql.param(answer.response)}
    where tenant_id = ${tenantId} and id = ${id} and created_at = ${claimedAt}`);
}

/**
 * Forgets a request that was not carried out, so that the client may try again with the same key. Of
 * one that was carried out, it is noted that there is no answer.
 */
export async function releaseRequest(
  tx: Tx,
  { tenantId, id, claimedAt }: RequestClaim,
  status: number,
): Promise<void> {
  const own = sql`tenant_id = ${tenantId} and id = ${id} and created_at = ${claimedAt}`;
  await tx.execute(sql`delete from idempotency_keys where ${own} and done_at is null`);
  await tx.execute(sql`update idempotency_keys set status = ${status} where ${own}`);
}

/** Deletes so many of a tenant's records whose time is over; returns how many there were. */
export async function sweepExpiredRequests(
  tx: Tx,
  tenantId: string,
  limit: number,
): Promise<number> {
  const swept = await tx.execute(sql`
    delete from idempotency_keys where tenant_id = ${tenantId} and id in (
      select id from idempotency_keys where tenant_id = ${tenantId} and ${expired}
      limit ${limit}
    ) returning id`);
  return swept.length;
}
