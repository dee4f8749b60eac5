import { hash } from 'node:crypto';
import { listMarks, type WatchedRef } from '../../db/queries/sync/watched.ts';
import { withTenant } from '../../db/tenant.ts';
import type { WatchSession } from '../../domain/provider.ts';
import type { ActivityDeps } from '../deps.ts';

/** Looks at the marks of all folders. */
export interface Sweeper {
  /** Whether the store should look: the provider's marks differ from those that it stands at. */
  sweep(session: WatchSession): Promise<boolean>;
}

/** A difference that stays (a folder that can't be read) is told again after twice as many sweeps. */
const toldAgainMax = 60;

/**
 * A mailbox at rest answers every sweep with the same marks. Once they were found equal to the
 * store's, their digest is all that is kept and compared: neither the database nor the tenant's key
 * is asked again before something moves. Only a resync sets the store's marks back, and it raises
 * the generation, with which the watch begins anew.
 */
export function createSweeper(deps: ActivityDeps, ref: WatchedRef): Sweeper {
  let last: { digest: string; differs: boolean; restSweeps: number; left: number } | undefined;
  return {
    sweep: async (session) => {
      const marks = await session.sweep();
      const digest = digestOf(marks);
      if (last?.digest === digest) {
        last.left -= 1;
        if (!last.differs || last.left > 0) return false;
      }
      const differs = await differsFromStore(deps, ref, marks);
      const restSweeps = last?.digest === digest ? Math.min(last.restSweeps * 2, toldAgainMax) : 1;
      last = { digest, differs, restSweeps, left: restSweeps };
      return differs;
    },
  };
}

type Marks = Awaited<ReturnType<WatchSession['sweep']>>;

async function differsFromStore(
  { database, keyring }: ActivityDeps,
  ref: WatchedRef,
  marks: Marks,
): Promise<boolean> {
  const vault = await keyring.vault(ref.tenantId);
  const stored = await withTenant(database, ref.tenantId, (tx) => listMarks(tx, ref));
  const listed = new Set<string>();
  const moved = marks.some(({ ref: name, mark }) => {
    const id = vault.index('folder', ref.connectionId, name);
    listed.add(id);
    return !stored.excluded.has(id) && stored.marks.get(id) !== mark;
  });
  // A folder that was deleted has no mark any more; the others' need not have moved.
  return moved || [...stored.marks.keys()].some((id) => !listed.has(id));
}

function digestOf(marks: Marks): string {
  const lines = marks.map(({ ref, mark }) => JSON.stringify([ref, mark]));
  return hash('sha256', lines.toSorted().join('\n'), 'base64');
}
