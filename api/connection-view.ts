import type { ConnectionRow } from '../db/queries/connections.ts';
import type { IntentCounts } from '../db/queries/intent-counts.ts';
import type { ProgressRow, ReconciliationRow } from '../db/queries/progress.ts';
import type { ConnectionProfile } from '../domain/connection.ts';
import { toPublicId } from '../domain/ids.ts';
import { completenessOf } from '../domain/reconciliation.ts';
import type { TenantVault } from '../domain/seal.ts';
import { openJson } from '../domain/sealed-json.ts';
import { workflowIds } from '../workflows/contract.ts';
import type { ApiOptions } from './deps.ts';
import { toInstant } from './instant.ts';
import type { ConnectionView } from './schemas/connections.ts';
import { viewSync } from './sync-view.ts';

interface ViewContext {
  vault: TenantVault;
  options: ApiOptions;
  /** The acting member, when one is named. */
  memberId: string | undefined;
}

/** What stands beside a connection's row. */
export interface ConnectionProgress {
  progress: ProgressRow[];
  intents: IntentCounts;
}

/** A connection as the API shows it, with its capabilities' progress. */
export function viewConnection(
  { vault, options, memberId }: ViewContext,
  row: ConnectionRow,
  { progress, intents }: ConnectionProgress,
): ConnectionView {
  const place = { table: 'connections', column: 'profile', rowId: row.id };
  const profile = openJson<ConnectionProfile>(vault, place, row.profile);
  const mail = progress.find(({ capability }) => capability === 'mail');
  const mailView = mail && viewCapability(options, mail, intents);
  return {
    id: toPublicId('connection', row.id),
    provider: row.provider,
    memberId: toPublicId('member', row.memberId),
    address: profile.address,
    host: profile.host,
    state: mailView?.state ?? 'connecting',
    capabilities: mailView ? { mail: mailView } : {},
    backfillSince: row.backfillSince,
    excludedFolders: memberId === row.memberId ? profile.excludedFolders : null,
    createdAt: toInstant(row.createdAt),
    disconnectedAt: toInstant(row.disconnectedAt),
    eraseAfter: toInstant(row.eraseAfter),
  };
}

function viewCapability(options: ApiOptions, row: ProgressRow, intents: IntentCounts) {
  const sync = viewSync(row);
  const workflowId = workflowIds.mailboxSync(row.connectionId);
  return {
    state: sync.state,
    reason: sync.reason,
    stateSince: toInstant(row.stateSince),
    stored: row.stored,
    expected: row.expected,
    lagSeconds: sync.lagSeconds,
    watchAgeSeconds: sync.watchAgeSeconds,
    completeness: sync.completeness,
    skips: row.skips,
    deletionsHeld: row.deletionsHeld,
    writes: row.abilities,
    intents,
    reconciliation: row.reconciliation && viewReconciliation(row.reconciliation),
    backfillDone: row.backfillDoneAt !== null,
    lastError:
      row.lastErrorKind !== null && row.lastErrorAt !== null
        ? { kind: row.lastErrorKind, at: toInstant(row.lastErrorAt) }
        : null,
    nextAttemptAt: toInstant(row.nextAttemptAt),
    workflowId,
    workflowUrl: workflowUrl(options, workflowId),
  };
}

function viewReconciliation(row: ReconciliationRow) {
  const { listed, stored, missing_before: missingBefore, missing_after: missingAfter } = row;
  return {
    finishedAt: toInstant(row.finished_at),
    listed,
    stored,
    missingBefore,
    missingAfter,
    completenessBefore: completenessOf({ listed, stored: Math.max(0, listed - missingBefore) }),
    extra: row.extra,
    altered: row.altered,
  };
}

function workflowUrl({ temporalUiUrl, temporalNamespace }: ApiOptions, id: string): string | null {
  if (temporalUiUrl === undefined) return null;
  const namespace = encodeURIComponent(temporalNamespace);
  return `${temporalUiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(id)}`;
}
