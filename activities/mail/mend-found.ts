import { randomUUID } from 'node:crypto';
import type { Tx } from '../../db/client.ts';
import type { Licence } from '../../db/fence.ts';
import { mendBatch } from '../../db/queries/sync/mend.ts';
import { eraseAddresses, findUnusedAddresses } from '../../db/queries/sync/unused-names.ts';
import { withTenant } from '../../db/tenant.ts';
import type { ActivityDeps } from '../deps.ts';

/** Below all that are used. */
const lowestId = '00000000-0000-0000-0000-000000000000';

/** Who mends: a slice, or the end of a connection. */
export interface Mender {
  deps: Pick<ActivityDeps, 'database'>;
  licence: Licence;
  write(work: (tx: Tx) => Promise<number>): Promise<number>;
}

/**
 * Looks through what the connection has without a lock, and takes one only where there is something to
 * mend, which is asked about again then. Returns how many rows were mended.
 */
export async function mendFound(
  { deps, licence, write }: Mender,
  find: (tx: Tx, licence: Licence) => Promise<string[]>,
  mend: (tx: Tx, licence: Licence, ids: string[]) => Promise<number>,
): Promise<number> {
  let sum = 0;
  for (;;) {
    const ids = await withTenant(deps.database, licence.tenantId, (tx) => find(tx, licence));
    if (ids.length === 0) return sum;
    const mended = await write((tx) => mend(tx, licence, ids));
    sum += mended;
    // What somebody uses again meanwhile would be found for ever.
    if (ids.length < mendBatch || mended === 0) return sum;
  }
}

/**
 * Erases addresses that nobody has, in looks at so many of the tenant's each. The ids are blind indexes,
 * spread evenly: a walk that begins anywhere, and ends after `looksMax`, comes to all of them in time.
 */
export async function mendAddresses(
  { deps, licence, write }: Mender,
  looksMax: number,
  afterLook: () => void,
): Promise<void> {
  const start: string = randomUUID();
  let after = start;
  let turned = false;
  for (let looks = 0; looks < looksMax; looks += 1) {
    const { unused, last } = await withTenant(deps.database, licence.tenantId, (tx) =>
      findUnusedAddresses(tx, licence, after),
    );
    if (unused.length > 0) await write((tx) => eraseAddresses(tx, licence, unused));
    afterLook();
    if (turned && (last === undefined || last >= start)) return;
    turned ||= last === undefined;
    after = last ?? lowestId;
  }
}
