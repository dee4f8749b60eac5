import { sql } from 'drizzle-orm';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import { confirmDeletions } from '../../db/queries/connection-requests.ts';
import { withTenant, withTenantWrite } from '../../db/tenant.ts';
import type { Difference } from '../support/differences.ts';
import { findOffences } from '../support/store-invariants.ts';
import type { SyncedMailbox } from '../support/synced-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';
import { findChangedIds, readIdentities, type Identities } from './identities.ts';
import type { OtherClient } from './other-client.ts';

/** After the last change the store may take so long to be equal, on a busy machine. */
const settleTimeoutMs = 60_000;

/** A difference that stays is told by its first few places. */
const differencesShownMax = 5;

/**
 * Both sides are quiet: waits until they are equal, and looks at everything that must hold then.
 * @throws with the story of what differs
 */
export async function checkpoint(
  client: OtherClient,
  mailbox: SyncedMailbox,
  before: Identities,
): Promise<Identities> {
  await waitForEquality(client, mailbox);
  const offences = await findOffences(mailbox.base.app, mailbox.licence.tenantId);
  if (offences.length > 0) throw new Error(`the store holds ${offences.join('\n  ')}`);
  const identities = await readIdentities(client, mailbox);
  const changed = findChangedIds(before, identities, client.letters.copied);
  if (changed.length > 0) {
    const stories = changed.slice(0, differencesShownMax).map(({ token, was, is }) => {
      const places = `${was.folder} ${was.uid} to ${is.folder} ${is.uid}`;
      const story = [was, is].flatMap(({ folder, uid }) => client.journal.about(folder, uid));
      return `letter ${token} became another message from ${places}\n    ${story.join('\n    ')}`;
    });
    throw new Error(`${changed.length} messages lost their ids:\n  ${stories.join('\n  ')}`);
  }
  return identities;
}

async function waitForEquality(client: OtherClient, mailbox: SyncedMailbox): Promise<void> {
  let left: Difference[] = [];
  const look = async (): Promise<boolean> => {
    await lookEverywhere(mailbox);
    await confirmHeld(client, mailbox);
    left = await mailbox.differences();
    return left.length === 0;
  };
  try {
    await waitFor(look, { what: 'equality', timeoutMs: settleTimeoutMs, intervalMs: 250 });
  } catch (cause) {
    const stories = left.slice(0, differencesShownMax).map(({ folder, uid, what }) => {
      const story = client.journal.about(folder, uid).join('\n    ');
      return `${folder} ${uid ?? ''} ${what}\n    ${story}`;
    });
    throw new Error(`${left.length} differences stay:\n  ${stories.join('\n  ')}`, { cause });
  }
}

/** The deletion brake asks, and the mailbox's owner says that it is meant. */
async function confirmHeld(
  { journal }: OtherClient,
  { base, licence }: SyncedMailbox,
): Promise<void> {
  const { tenantId, connectionId: id } = licence;
  const held = await withTenantWrite(base.app, tenantId, (tx) =>
    confirmDeletions(tx, { tenantId, id }, undefined),
  );
  if (held > 0) journal.note({ kind: `${held} deletions confirmed`, folder: '', uids: [] });
}

/** A poke, as the watch gives it; and a safety poll, which compares where counters are silent. */
async function lookEverywhere(mailbox: SyncedMailbox): Promise<void> {
  const { base, licence, worker } = mailbox;
  const askedAt = new Date().toISOString();
  await mailbox.poke();
  await waitFor(
    () =>
      withTenant(base.app, licence.tenantId, async (tx) => {
        const caughtUp = sql`caught_up_at >= ${askedAt} and backfill_done_at is not null`;
        return (await tx.execute(sql`select 1 from sync_status where ${caughtUp}`)).length > 0;
      }),
    { what: 'a look at everything', timeoutMs: settleTimeoutMs },
  );
  const { tenantId, connectionId } = licence;
  const input = { poked: false, cautious: false, failuresBefore: 0 };
  const life = { heartbeat: () => undefined, cancelled: () => false };
  const target = { tenantId, connectionId, capability: 'mail' as const };
  await runLiveSlice(worker.deps, { ...target, ...input }, life);
}
