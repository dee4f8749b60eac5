import { sql } from 'drizzle-orm';
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
}

/** How long an answer may be had again; the worker's sweep deletes it within the hour after. */
const keptHours = 24;

/** How many expired records a new one takes with it, so that a busy tenant's table stays small. */
const sweptPerClaim = 20;

const expired = sql`created_at < now() - make_interval(hours => ${keptHours})`;

/**
 * Claims an Idempotency-Key. Undefined: the caller runs the request. Otherwise the earlier request,
 * unless its time is over, or it has not answered within `runningMinutes` (its process died).
 */
export async function claimRequest(
  tx: Tx,
  { tenantId, id }: RequestKey,
  requestHash: Uint8Array,
  { runningMinutes }: { runningMinutes: number },
): Promise<EarlierRequest | undefined> {
  await sweepExpiredRequests(tx, tenantId, sweptPerClaim);
  const claimed = await tx.execute(sql`
    insert into idempotency_keys as old (tenant_id, id, request_hash)
    values (${tenantId}, ${id}, ${sql.param(requestHash)})
    on conflict (tenant_id, id) do update set
      request_hash = excluded.request_hash, status = null, response = null, created_at = now()
    where old.created_at < now() - make_interval(hours => ${keptHours})
      or (old.status is null and old.request_hash = excluded.request_hash
        and old.created_at < now() - make_interval(mins => ${runningMinutes}))
    returning id`);
  if (claimed.length > 0) return undefined;
  const [row] = await tx.execute<EarlierRequest & Record<string, unknown>>(sql`
    select request_hash as "requestHash", status, response from idempotency_keys
    where tenant_id = ${tenantId} and id = ${id}`);
  return row;
}

/** Keeps the answer for replays. */
export async function finishRequest(
  tx: Tx,
  { tenantId, id }: RequestKey,
  answer: { status: number; response: Uint8Array },
): Promise<void> {
  await tx.execute(sql`
    update idempotency_keys set status = ${answer.status}, response = ${sql.param(answer.response)}
    where tenant_id = ${tenantId} and id = ${id}`);
}

/** Forgets a request that created nothing, so that the client may try again with the same key. */
export async function releaseRequest(tx: Tx, { tenantId, id }: RequestKey): Promise<void> {
  await tx.execute(sql`
    delete from idempotency_keys where tenant_id = ${tenantId} and id = ${id}`);
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
