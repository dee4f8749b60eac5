/** What a reconciliation found and left, summed over the folders of a connection. */
export interface ReconciliationTotals {
  /** When its last folder was done (RFC 3339). */
  finishedAt: string;
  /** What the provider lists, without what the member chose to leave out. */
  listed: number;
  /** How much of that is stored. */
  stored: number;
  missingBefore: number;
  missingAfter: number;
}

/** Share of what the provider lists that is stored; an empty collection is complete. */
export function completenessOf({ listed, stored }: { listed: number; stored: number }): number {
  return listed === 0 ? 1 : stored / listed;
}

/** Every day, spread by a tenth, so that a thousand mailboxes are not listed at once. */
export const reconcileHours = { least: 21.6, spread: 4.8 } as const;

/** Counters that show a gap move the next reconciliation up, but not more often than this. */
export const gapReconcileHours = 1;

/** Sealed values are opened in turns: each day one share of the messages, all of them on demand. */
export const verifyShares = 16;
