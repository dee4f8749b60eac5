import { sql } from 'drizzle-orm';
import type { FailureKind } from '../../../domain/failure.ts';
import type { WriteAbility } from '../../../domain/mail-writer.ts';
import { loginStrikesMax } from '../../../domain/retry.ts';
import type { SyncState } from '../../../domain/sync.ts';
import type { Tx } from '../../client.ts';

interface CapabilityKey {
  tenantId: string;
  connectionId: string;
  capability: string;
}

const ofCapability = (key: CapabilityKey) => sql`tenant_id = ${key.tenantId}
  and connection_id = ${key.connectionId} and capability = ${key.capability}`;

/** The state as a slice measured it; `stateSince` moves only when the state changes. */
export async function recordState(
  tx: Tx,
  key: CapabilityKey,
  state: SyncState,
  { reason, nextAttemptAt }: { reason?: string | undefined; nextAttemptAt?: Date | undefined },
): Promise<void> {
  await tx.execute(sql`
    update sync_status set
      state_since = case when state = ${state} then state_since else steward_now() end,
      state = ${state}, reason = ${reason ?? null},
      next_attempt_at = ${nextAttemptAt?.toISOString() ?? null}
    where ${ofCapability(key)}`);
}

/**
 * A live slice ended with every collection equal to the counters it had read at its start. Returns
 * how many deletions are held, which somebody has to confirm.
 */
export async function recordCaughtUp(
  tx: Tx,
  key: CapabilityKey,
  { startedAt, nextAttemptAt, safety }: { startedAt: Date; nextAttemptAt: Date; safety: boolean },
): Promise<number> {
  const state = sql`case when held.count > 0 then 'confirm-deletions'
    when backfill_done_at is null then 'backfilling' else 'live' end`;
  const [row] = await tx.execute<{ deletions_held: number }>(sql`
    with held as (
      select count(*)::int as count from placements
      where tenant_id = ${key.tenantId} and connection_id = ${key.connectionId}
        and missing_at is not null and hidden_at is null
    )
    update sync_status set
      state_since = case when state = ${state} then state_since else steward_now() end,
      state = ${state}, reason = null, login_strikes = 0, deletions_held = held.count,
      throttled_until = null,
      next_attempt_at = ${nextAttemptAt.toISOString()},
      caught_up_at = greatest(caught_up_at, ${startedAt.toISOString()}),
      safety_looked_at = case when ${safety} then ${startedAt.toISOString()}::timestamptz
        else safety_looked_at end,
      behind_since = case when behind_since <= ${startedAt.toISOString()} then null
        else behind_since end
    from held where ${ofCapability(key)}
    returning deletions_held`);
  return row?.deletions_held ?? 0;
}

/**
 * A failure of either loop, after translation. Returns how many logins failed in a row; beyond the
 * last strike nothing is counted, since nothing is tried.
 */
export async function recordFailure(
  tx: Tx,
  key: CapabilityKey,
  kind: FailureKind,
): Promise<number> {
  const strike = kind === 'auth-revoked' ? 1 : 0;
  const [row] = await tx.execute<{ login_strikes: number }>(sql`
    update sync_status set last_error_kind = ${kind}, last_error_at = steward_now(),
      login_strikes = least(login_strikes + ${strike}, ${loginStrikesMax})
    where ${ofCapability(key)} returning login_strikes`);
  return row?.login_strikes ?? 0;
}

/** The provider asked to be left alone for so long; the clock that this is told by is the database's. */
export async function recordPause(tx: Tx, key: CapabilityKey, ms: number): Promise<void> {
  await tx.execute(sql`
    update sync_status set throttled_until = steward_now() + ${Math.ceil(ms)} * interval '1 millisecond'
    where ${ofCapability(key)}`);
}

/** A look begins that stands in for the safety poll: one that does not end is not repeated at once. */
export async function recordSafetyLook(tx: Tx, key: CapabilityKey, startedAt: Date): Promise<void> {
  await tx.execute(sql`
    update sync_status set safety_looked_at = ${startedAt.toISOString()} where ${ofCapability(key)}`);
}

/**
 * Something is known to have changed at the provider; lag counts from the first such sign. `agoMs`
 * is how long ago it was: a slice that began after the sign may have brought what it was about. It is
 * taken off the transaction's beginning, so that the sign is never told later than it was: the slice
 * that it caused would not end the lag then.
 */
export async function recordBehind(
  tx: Tx,
  key: CapabilityKey,
  { agoMs }: { agoMs: number },
): Promise<void> {
  await tx.execute(sql`
    update sync_status set behind_since = sign.at
    from (select steward_now() - ${Math.ceil(agoMs)} * interval '1 millisecond' as at) as sign
    where ${ofCapability(key)} and behind_since is null
      and (caught_up_at is null or caught_up_at < sign.at)`);
}

/** Notes whether all history is in, from the collections themselves, and when it came to be. */
export async function recordBackfill(tx: Tx, key: CapabilityKey): Promise<void> {
  await tx.execute(sql`
    with history as (
      select coalesce(bool_and(c.backfill_done or c.trouble is not null), false) as done
      from collections c join folders f on f.tenant_id = c.tenant_id and f.id = c.id
      where c.tenant_id = ${key.tenantId} and c.connection_id = ${key.connectionId}
        and f.hidden_at is null and not f.excluded
    )
    update sync_status set
      backfill_done_at = case when history.done then steward_now() end,
      state_since = steward_now(),
      state = case when history.done and state = 'backfilling' then 'live'
        when not history.done and state = 'live' then 'backfilling' else state end
    from history
    where ${ofCapability(key)} and (backfill_done_at is not null) <> history.done`);
}

/** What the provider lets be changed, for everybody who wonders why something was refused. */
export async function recordAbilities(
  tx: Tx,
  key: CapabilityKey,
  abilities: readonly WriteAbility[],
): Promise<void> {
  await tx.execute(sql`
    update sync_status set abilities = ${sql.param(abilities)}::text[] where ${ofCapability(key)}`);
}

export interface SyncFacts {
  /** The database's clock, by which every instant of a slice is told. */
  now: Date;
  loginStrikes: number;
  caughtUpAt: Date | null;
  /** For how long the provider wants to be left alone, by the database's clock; null when it does not. */
  pauseMs: number | null;
  watchSeenAt: Date | null;
  /** When a look last compared what no counter shows, and erased what was due. */
  safetyLookedAt: Date | null;
  stored: number;
  expected: number;
  skips: number;
  deletionsHeld: number;
  abilities: WriteAbility[] | null;
  backfillDone: boolean;
}

/** What a slice starts from and reports: totals over the connection, and its watch. */
export async function readSyncFacts(tx: Tx, key: CapabilityKey): Promise<SyncFacts> {
  return requireFacts(await findSyncFacts(tx, key));
}

/** @throws where every connection has a row */
export function requireFacts(facts: SyncFacts | undefined): SyncFacts {
  if (!facts) throw new Error('The connection has no sync status row.');
  return facts;
}

/** The same of a connection that there may not be. */
export async function findSyncFacts(tx: Tx, key: CapabilityKey): Promise<SyncFacts | undefined> {
  const [row] = await tx.execute<{
    now: string;
    login_strikes: number;
    caught_up_at: string | null;
    pause_ms: number | null;
    watch_seen_at: string | null;
    safety_looked_at: string | null;
    stored: number;
    expected: number;
    skips: number;
    deletions_held: number;
    abilities: WriteAbility[] | null;
    backfill_done: boolean;
  }>(sql`
    select steward_now() as now, s.login_strikes, s.caught_up_at, s.watch_seen_at,
      case when s.throttled_until > steward_now()
        then ceil(extract(epoch from s.throttled_until - steward_now()) * 1000)::int end as pause_ms,
      s.safety_looked_at, s.deletions_held, s.abilities, totals.stored, totals.expected,
      totals.backfill_done,
      (select count(*)::int from skips k where k.tenant_id = s.tenant_id
        and k.connection_id = s.connection_id and k.quarantined_at is not null) as skips
    from sync_status s cross join lateral (
      select least(coalesce(sum(c.stored), 0), 2147483647)::int as stored,
        least(coalesce(sum(c.expected), 0), 2147483647)::int as expected,
        coalesce(bool_and(c.backfill_done or c.trouble is not null), false) as backfill_done
      from collections c join folders f on f.tenant_id = c.tenant_id and f.id = c.id
      where c.tenant_id = s.tenant_id and c.connection_id = s.connection_id
        and f.hidden_at is null and not f.excluded
    ) totals
    where s.tenant_id = ${key.tenantId} and s.connection_id = ${key.connectionId}
      and s.capability = ${key.capability}`);
  if (!row) return undefined;
  const date = (text: string | null) => (text === null ? null : new Date(text));
  return {
    now: new Date(row.now),
    loginStrikes: row.login_strikes,
    caughtUpAt: date(row.caught_up_at),
    pauseMs: row.pause_ms,
    watchSeenAt: date(row.watch_seen_at),
    safetyLookedAt: date(row.safety_looked_at),
    stored: row.stored,
    expected: row.expected,
    skips: row.skips,
    deletionsHeld: row.deletions_held,
    abilities: row.abilities,
    backfillDone: row.backfill_done,
  };
}
