import { recordWatchSigns, type WatchedRef } from '../../db/queries/sync/watched.ts';
import { withTenant } from '../../db/tenant.ts';
import type { ActivityDeps } from '../deps.ts';

/** What a shard heard of its connections since it was last written down. */
export interface SignsOfLife {
  /** The watch has just seen the mailbox. */
  alive(ref: WatchedRef): void;
  /** Nothing watches the mailbox: its safety time is the short one until the next sign. */
  silent(ref: WatchedRef): Promise<void>;
  /** Writes what was heard, one transaction a tenant. @throws when the database is away */
  write(): Promise<void>;
}

export function createSignsOfLife({ database }: ActivityDeps): SignsOfLife {
  const heard = new Map<string, Map<string, boolean>>();
  const writeOf = (tenantId: string, signs: ReadonlyMap<string, boolean>): Promise<void> =>
    withTenant(database, tenantId, (tx) => recordWatchSigns(tx, tenantId, signs));
  return {
    alive: ({ tenantId, connectionId }) => {
      const ofTenant = heard.get(tenantId) ?? new Map<string, boolean>();
      heard.set(tenantId, ofTenant.set(connectionId, true));
    },
    silent: async ({ tenantId, connectionId }) => {
      heard.get(tenantId)?.delete(connectionId);
      await writeOf(tenantId, new Map([[connectionId, false]]));
    },
    write: async () => {
      for (const [tenantId, signs] of heard) {
        heard.delete(tenantId);
        try {
          await writeOf(tenantId, signs);
        } catch (error) {
          // Kept for the next time, beside what was heard since.
          heard.set(tenantId, new Map([...signs, ...(heard.get(tenantId) ?? [])]));
          throw error;
        }
      }
    },
  };
}
