import { reopensPerSessionMax } from './bounds.ts';
import { translateError } from './errors.ts';
import type { Lease } from './session-pool.ts';

/** Connections of a session that were opened again because an answer had broken a bound. */
export interface Breaches {
  count: number;
}

/**
 * Opens another connection in the place of one that ended over a bound.
 * @throws ProviderFailure when it has happened too often
 */
export async function reopenAfterBreach(lease: Lease, cause: unknown): Promise<void> {
  const { breaches } = lease;
  if (breaches.count >= reopensPerSessionMax) throw translateError(cause);
  breaches.count += 1;
  await lease.reopen();
}
