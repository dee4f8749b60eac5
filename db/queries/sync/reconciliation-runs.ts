import { sql } from 'drizzle-orm';
import type { SkipReason } from '../../../domain/provider.ts';
import {
  gapReconcileHours,
  reconcileHours,
  verifyShares,
  type ReconciliationTotals,
} from '../../../domain/reconciliation.ts';
import type { Tx } from '../../client.ts';
import type { Licence } from '../../fence.ts';
import { lastTotals } from '../last-reconciliation.ts';

interface CapabilityKey {
  tenantId: string;
  connectionId: string;
  capability: string;
}

/**
 * Whether a reconciliation is due (a day has passed, somebody asked, a resync ended, counters show
 * a gap, or one was interrupted), and what the last one found. It waits for the end of the import.
 */
export async function readReconciliation(
  tx: Tx,
  key: CapabilityKey,
): Promise<{ due: boolean; last: ReconciliationTotals | null }> {
  const hours = (count: number) => sql`make_interval(secs => ${count * 3_600})`;
  const spread = sql`(hashtext(s.connection_id::text) & 1023) / 1024.0`;
  const [row] = await tx.execute<{
    due: boolean;
    finished_at: string | null;
    listed: number;
    stored: number;
    missing_before: number;
    missing_after: number;
  }>(sql`
    select s.backfill_done_at is not null and coalesce(
        s.reconcile_started_at is null or s.reconciled_at is null
        or s.reconciled_at < s.reconcile_started_at
        or greatest(n.reconcile_requested_at, s.resynced_at) > s.reconcile_started_at
        or s.reconcile_started_at < steward_now()
          - ${hours(reconcileHours.least)} - ${hours(reconcileHours.spread)} * ${spread}
        or (s.reconcile_started_at < steward_now() - ${hours(gapReconcileHours)}
          and n.backfill_since is null and exists (
            select from collections c join folders f on f.tenant_id = c.tenant_id and f.id = c.id
            where c.tenant_id = s.tenant_id and c.connection_id = s.connection_id
              and f.hidden_at is null and not f.excluded and c.stored < c.expected
              and c.stored + (select count(*) from skips k where k.tenant_id = c.tenant_id
                and k.folder_id = c.id) < c.expected)),
        false) as due,
      last.*
    from sync_status s
    join connections n on n.tenant_id = s.tenant_id and n.id = s.connection_id
    cross join lateral (${lastTotals}) last
    where s.tenant_id = ${key.tenantId} and s.connection_id = ${key.connectionId}
      and s.capability = ${key.capability}`);
  if (!row) throw new Error('The connection has no sync status row.');
  const { due, finished_at: finishedAt, listed, stored } = row;
  if (finishedAt === null) return { due, last: null };
  const { missing_before: missingBefore, missing_after: missingAfter } = row;
  return {
    due,
    last: {
      finishedAt: new Date(finishedAt).toISOString(),
      ...{ listed, stored, missingBefore, missingAfter },
    },
  };
}

export interface ReconciliationRun {
  startedAt: Date;
  /** Which messages are opened and verified: all of them (null), or one share. */
  share: number | null;
}

/**
 * Takes up the run that is under way, or begins one. One that somebody asked for opens everything.
 * Undefined when none is due: the slice that ended the last one died before anybody learned so.
 */
export async function beginRun(tx: Tx, licence: Licence): Promise<ReconciliationRun | undefined> {
  const { due } = await readReconciliation(tx, licence);
  if (!due) return undefined;
  const ofConnection = sql`s.tenant_id = ${licence.tenantId}
    and s.connection_id = ${licence.connectionId} and s.capability = ${licence.capability}`;
  await tx.execute(sql`
    update sync_status s set reconcile_started_at = steward_now()
    where ${ofConnection}
      and (s.reconcile_started_at is null or s.reconciled_at >= s.reconcile_started_at)`);
  const [row] = await tx.execute<{ started_at: string; asked: boolean; share: number }>(sql`
    select s.reconcile_started_at as started_at,
      coalesce(n.reconcile_requested_at > coalesce(s.reconciled_at, '-infinity'), false) as asked,
      (extract(epoch from s.reconcile_started_at)::bigint / 86400 % ${verifyShares})::int as share
    from sync_status s
    join connections n on n.tenant_id = s.tenant_id and n.id = s.connection_id
    where ${ofConnection}`);
  return { startedAt: new Date(row!.started_at), share: row!.asked ? null : row!.share };
}

/** Every folder is done: the run counts from when it began. */
export async function finishRun(tx: Tx, licence: Licence): Promise<void> {
  await tx.execute(sql`
    update sync_status set reconciled_at = reconcile_started_at
    where tenant_id = ${licence.tenantId} and connection_id = ${licence.connectionId}
      and capability = ${licence.capability}`);
}

/** One folder's part of a run, as far as it has come. */
export interface FolderRun {
  id: string;
  countedUid: number;
  healedUid: number;
  skipped: Partial<Record<SkipReason, number>>;
}

/**
 * Takes up a folder's part of a run where it stopped. A part of an earlier run, or of another
 * numbering, is void and begins again. Undefined when the folder is done.
 */
export async function openFolderRun(
  tx: Tx,
  licence: Licence,
  { startedAt }: ReconciliationRun,
  { folderId, uidValidity }: { folderId: string; uidValidity: string },
): Promise<FolderRun | undefined> {
  const ofFolder = sql`tenant_id = ${licence.tenantId} and folder_id = ${folderId}
    and connection_id = ${licence.connectionId}`;
  const current = sql`started_at >= ${startedAt.toISOString()}
    and uid_validity = ${uidValidity}`;
  const done = await tx.execute(sql`
    select from reconciliations where ${ofFolder} and finished_at is not null and ${current}`);
  if (done.length > 0) return undefined;
  await tx.execute(sql`
    delete from reconciliations where ${ofFolder} and finished_at is null and not (${current})`);
  await tx.execute(sql`
    insert into reconciliations (tenant_id, connection_id, id, folder_id, uid_validity)
    values (${licence.tenantId}, ${licence.connectionId}, gen_random_uuid(), ${folderId},
      ${uidValidity})
    on conflict do nothing`);
  const [row] = await tx.execute<{
    id: string;
    counted_uid: string;
    healed_uid: string;
    skipped: FolderRun['skipped'];
  }>(sql`
    select id, counted_uid, healed_uid, skipped from reconciliations
    where ${ofFolder} and finished_at is null`);
  return {
    id: row!.id,
    countedUid: Number(row!.counted_uid),
    healedUid: Number(row!.healed_uid),
    skipped: row!.skipped,
  };
}

/** What a window differs in, before anything of it is mended. */
export interface WindowFound {
  missing: number;
  extra: number;
  altered: number;
}

/** Counts a window's differences once, however often the window is repeated. */
export async function recordFound(
  tx: Tx,
  licence: Licence,
  run: FolderRun,
  { missing, extra, altered }: WindowFound,
  throughUid: number,
): Promise<void> {
  await tx.execute(sql`
    update reconciliations set missing_before = missing_before + ${missing},
      extra = extra + ${extra}, altered = altered + ${altered},
      counted_uid = greatest(counted_uid, ${throughUid})
    where tenant_id = ${licence.tenantId} and id = ${run.id}`);
}

/** How a window stands after it was mended. */
export interface WindowHealed {
  listed: number;
  outside: number;
  stored: number;
  missing: number;
  /** Found missing, but then gone at the provider, or older than the depth that was asked for. */
  noneOfOurs: number;
}

/** Moves on behind a window that is mended. */
export async function recordHealed(
  tx: Tx,
  licence: Licence,
  run: FolderRun,
  healed: WindowHealed,
  throughUid: number,
): Promise<void> {
  await tx.execute(sql`
    update reconciliations set listed = listed + ${healed.listed},
      outside = outside + ${healed.outside}, stored = stored + ${healed.stored},
      missing_before = greatest(0, missing_before - ${healed.noneOfOurs}),
      missing_after = missing_after + ${healed.missing},
      skipped = ${JSON.stringify(run.skipped)}::jsonb, healed_uid = ${throughUid}
    where tenant_id = ${licence.tenantId} and id = ${run.id}`);
}

export async function finishFolderRun(tx: Tx, licence: Licence, run: FolderRun): Promise<void> {
  await tx.execute(sql`
    update reconciliations set finished_at = clock_timestamp()
    where tenant_id = ${licence.tenantId} and id = ${run.id}`);
}
