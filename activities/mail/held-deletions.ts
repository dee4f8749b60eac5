import {
  listHeldFolders,
  listHeldUids,
  passHeld,
  releaseHeld,
} from '../../db/queries/sync/held-deletions.ts';
import { hideFolder } from '../../db/queries/sync/folders.ts';
import { withTenant } from '../../db/tenant.ts';
import type { MailSession } from '../../domain/provider.ts';
import type { SyncFolder } from './folders.ts';
import type { Slice } from './slice.ts';

/** Held items looked at together: one window of a listing, one short transaction. */
const heldBatch = 5_000;

/**
 * Decides about deletions that the brake holds, folder by folder: what the provider shows again is
 * released; what was confirmed passes, and so do the few that are left when the others turned up
 * elsewhere. The rest stays, and the question with it. Returns false when time ran out before.
 */
export async function settleDeletions(
  slice: Slice,
  session: MailSession,
  folders: SyncFolder[],
): Promise<boolean> {
  const { deps, licence, facts } = slice;
  const held = await withTenant(deps.database, licence.tenantId, (tx) =>
    listHeldFolders(tx, licence),
  );
  for (const id of held) {
    const folder = folders.find((listed) => listed.id === id);
    if (folder && !(await releaseReappeared(slice, session, folder))) return false;
    if (!(await passAll(slice, id))) return false;
    if (folder) continue;
    slice.counts.removed += await slice.write((tx) =>
      hideFolder(tx, licence, id, { caughtUpAt: facts.caughtUpAt, inferred: true }),
    );
  }
  return true;
}

async function releaseReappeared(
  slice: Slice,
  session: MailSession,
  folder: SyncFolder,
): Promise<boolean> {
  const { deps, licence } = slice;
  for (let afterUid = 0; ;) {
    const window = { afterUid, limit: heldBatch };
    const uids = await withTenant(deps.database, licence.tenantId, (tx) =>
      listHeldUids(tx, licence, folder.id, window),
    );
    const back = await session.existing({ collection: folder.remote, uids });
    if (back.length > 0) {
      await slice.write((tx) => releaseHeld(tx, licence, folder.id, back));
      slice.counts.updated += back.length;
    }
    if (uids.length < heldBatch) return true;
    if (slice.pulse()) return false;
    afterUid = uids.at(-1)!;
  }
}

async function passAll(slice: Slice, folderId: string): Promise<boolean> {
  const { licence, facts } = slice;
  for (;;) {
    const passed = await slice.write((tx) =>
      passHeld(tx, licence, folderId, { caughtUpAt: facts.caughtUpAt, limit: heldBatch }),
    );
    slice.counts.removed += passed;
    if (passed < heldBatch) return true;
    if (slice.pulse()) return false;
  }
}
