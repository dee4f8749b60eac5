import type { FailureKind } from './failure.ts';
import type { ReconciliationTotals } from './reconciliation.ts';

export const capabilities = ['mail', 'calendar', 'contacts', 'files', 'search-console'] as const;
export type Capability = (typeof capabilities)[number];

/** What a person wants of a connection; written by the API, obeyed by every slice. */
export type Wanted = 'run' | 'paused' | 'disconnected';

export const syncStates = [
  'connecting',
  'backfilling',
  'live',
  'throttled',
  'paused',
  'needs-reauth',
  'admin-action-needed',
  'unavailable',
  'degraded',
  'confirm-deletions',
  'disconnecting',
  'disconnected',
] as const;
export type SyncState = (typeof syncStates)[number];

/** States that a failure put the connection into, and that new credentials may end. */
export const troubledStates: readonly SyncState[] = [
  'needs-reauth',
  'admin-action-needed',
  'unavailable',
  'degraded',
  'throttled',
];

/** What one slice did. Counts and dates only: it is a workflow payload. */
export interface SliceReport {
  outcome: 'done' | 'more' | 'paused' | 'disconnected' | 'failed';
  stored: number;
  updated: number;
  removed: number;
  skipped: number;
  /** Set when the outcome is `failed`. */
  failure?: { kind: FailureKind; code?: string };
  /** When the loop looks again by itself (RFC 3339); a poke comes first. */
  nextAttemptAt?: string;
  /** Set when the outcome is `disconnected` and the data is to be erased then. */
  eraseAfter?: string;
  /** A live slice that found something which no watch had announced. */
  surprised?: boolean;
  /** Set when it took up new settings, or a resync: what failed before may work now. */
  takenUp?: boolean;
  /** Set when history is imported and a folder changed meanwhile: the live loop looks at once. */
  lookDue?: boolean;
  /** Totals over the connection after the slice, for the operator's view. */
  progress: SliceProgress;
}

export interface SliceProgress {
  stored: number;
  expected: number;
  backfillDone: boolean;
  skips: number;
  /** Deletions that wait for the mailbox's owner. */
  deletionsHeld: number;
  /** Whether the store is to be compared with the provider's own listing now. */
  reconcileDue: boolean;
  lastReconciliation: ReconciliationTotals | null;
}

/** Which state a failure puts the connection into. */
export function stateAfterFailure(kind: FailureKind): SyncState {
  switch (kind) {
    case 'auth-revoked':
      return 'needs-reauth';
    case 'permission-missing':
      return 'unavailable';
    case 'admin-action-needed':
    case 'operator-misconfigured':
      return 'admin-action-needed';
    case 'rate-limited':
    case 'quota-exhausted':
      return 'throttled';
    default:
      return 'degraded';
  }
}
