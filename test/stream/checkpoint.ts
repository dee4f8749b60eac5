import { sql } from 'drizzle-orm';
import { runLiveSlice } from '../../activities/mail/live-slice.ts';
import { withTenant } from '../../db/tenant.ts';
import type { IntentView } from '../../api/schemas/intents.ts';
import type { CapabilityLevel } from '../support/dovecot.ts';
import type { Difference } from '../support/differences.ts';
import type { OperatedMailbox } from '../support/operated-mailbox.ts';
import { findOffences } from '../support/store-invariants.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  findChangedIds,
  matchIdentities,
  readLetters,
  type Identities,
  type LetterPlace,
} from './identities.ts';
import { findFaults } from './judge.ts';
import { tellCounters, tellFolders, tellMessage } from './message-story.ts';
import { readIntents } from './own-intents.ts';
import type { OtherClient } from './other-client.ts';
import type { OwnChanges } from './own-changes.ts';
import { undisturbed } from '../support/slice-life.ts';

/** After the last change the store may take so long to be equal, on a busy machine. */
const settleTimeoutMs = 60_000;

/** A difference that stays is told by its first few places. */
const differencesShownMax = 5;

/** A mailbox, another client of it, and Steward's own changes. */
export interface Scene {
  level: CapabilityLevel;
  mailbox: OperatedMailbox;
  client: OtherClient;
  own: OwnChanges;
}

/** What a checkpoint found, when all was well. */
export interface Found {
  identities: Identities;
  /** What became of Steward's own changes since the last one. */
  intents: Pick<IntentView, 'state' | 'reason'>[];
}

/**
 * Both sides are quiet: waits until they are equal, and looks at everything that must hold then.
 * @throws with the story of what differs
 */
export async function checkpoint(scene: Scene, before: Identities): Promise<Found> {
  const { mailbox, client, own } = scene;
  await waitForEquality(scene);
  const offences = await findOffences(mailbox.api.database.app, mailbox.tenant.uuid);
  if (offences.length > 0) throw new Error(`the store holds ${offences.join('\n  ')}`);
  const letters = await client.read(() => readLetters(client));
  setApart(scene, letters);
  const identities = await matchIdentities(letters, mailbox);
  await requireSameIds(scene, before, identities);
  const asked = own.asked.flatMap(({ intents }) => intents);
  const intents = await readIntents({ id: mailbox.id, call: mailbox.asOwner }, asked);
  const faults = findFaults(own.asked, {
    ...{ level: scene.level, intents, places: letters, touches: client.touches },
    ...{ folders: await client.read(client.folders), copied: client.letters.copied },
  });
  if (faults.length > 0) {
    const stories = await Promise.all(
      faults.slice(0, differencesShownMax).map(async ({ what, folder, uid, messages }) => {
        const rows = await Promise.all(messages.map((id) => tellMessage(mailbox, id)));
        return [what, ...client.journal.about(folder, uid), ...rows.flat()].join('\n    ');
      }),
    );
    throw new Error(`${faults.length} changes ended wrongly:\n  ${stories.join('\n  ')}`);
  }
  own.forget();
  client.touches.forget();
  return { identities, intents: [...intents.values()] };
}

/**
 * Dovecot answers NO to a MOVE into a folder that another session renames at that moment, and leaves
 * the message in both (one time in four; RFC 6851 §3.3 says SHOULD NOT). Such letters are copies.
 */
function setApart({ client, own }: Scene, letters: ReadonlyMap<string, LetterPlace[]>): void {
  for (const asked of own.asked) {
    if (asked.about !== 'letter' || (letters.get(asked.token) ?? []).length < 2) continue;
    const targets = asked.promised?.folders ?? [];
    const isRenamed = targets.some((name) => client.touches.isFolderTouched(name, ''));
    if (isRenamed) client.letters.copied.add(asked.token);
  }
}

async function requireSameIds(
  { client, mailbox }: Scene,
  before: Identities,
  now: Identities,
): Promise<void> {
  const changed = findChangedIds(before, now, client.letters.copied);
  if (changed.length === 0) return;
  const stories = changed.slice(0, differencesShownMax).map(async ({ token, was, is }) => {
    const places = `${was.folder} ${was.uid} to ${is.folder} ${is.uid}`;
    const story = [
      ...[was, is].flatMap(({ folder, uid }) => client.journal.about(folder, uid)),
      ...(await tellMessage(mailbox, was.id)),
      ...(await tellMessage(mailbox, is.id)),
    ];
    return `letter ${token} became another message from ${places}\n    ${story.join('\n    ')}`;
  });
  const told = [...(await Promise.all(stories)), ...(await tellFolders(mailbox))];
  throw new Error(`${changed.length} messages lost their ids:\n  ${told.join('\n  ')}`);
}

async function waitForEquality({ mailbox, client }: Scene): Promise<void> {
  let left: Difference[] = [];
  const look = async (): Promise<boolean> => {
    await lookEverywhere(mailbox);
    await confirmHeld(client, mailbox);
    left = [...(await mailbox.differences()), ...(await listPending(mailbox))];
    return left.length === 0;
  };
  try {
    await waitFor(look, { what: 'equality', timeoutMs: settleTimeoutMs, intervalMs: 250 });
  } catch (cause) {
    const stories = left.slice(0, differencesShownMax).map(({ folder, uid, what }) => {
      const story = client.journal.about(folder, uid).join('\n    ');
      return `${folder} ${uid ?? ''} ${what}\n    ${story}`;
    });
    const folders = new Set(left.map(({ folder }) => folder).filter((folder) => folder !== ''));
    const counters = await tellCounters(mailbox, folders).catch((error: unknown) => [
      String(error),
    ]);
    const told = [...stories, ...counters, ...(await tellFolders(mailbox))];
    throw new Error(`${left.length} differences stay:\n  ${told.join('\n  ')}`, { cause });
  }
}

/** An intent that is not settled when both sides are quiet is as wrong as a difference. */
async function listPending(mailbox: OperatedMailbox): Promise<Difference[]> {
  const route = `/v1/connections/${mailbox.id}/intents?state=pending`;
  const { body } = await mailbox.asOwner('GET', route);
  return body.data.map((intent) => ({
    ...{ folder: '', uid: undefined, what: `is waiting: ${JSON.stringify(intent)}` },
  }));
}

/** The deletion brake asks, and the mailbox's owner says that it is meant. */
async function confirmHeld({ journal }: OtherClient, mailbox: OperatedMailbox): Promise<void> {
  const { state, capabilities } = await mailbox.view();
  if (state !== 'confirm-deletions') return;
  const route = `/v1/connections/${mailbox.id}/confirm-deletions`;
  const { status } = await mailbox.asOwner('POST', route);
  if (status !== 202) throw new Error(`the deletions could not be confirmed: ${status}`);
  const held = capabilities.mail?.deletionsHeld;
  journal.note({ kind: `${held} deletions confirmed`, folder: '', uids: [] });
}

/** A poke, as the watch gives it; and a safety poll, which compares where counters are silent. */
async function lookEverywhere(mailbox: OperatedMailbox): Promise<void> {
  const { api, tenant, uuid, worker } = mailbox;
  const askedAt = new Date().toISOString();
  await mailbox.poke();
  const caughtUp = sql`caught_up_at >= ${askedAt} and backfill_done_at is not null`;
  await waitFor(
    () =>
      withTenant(api.database.app, tenant.uuid, async (tx) => {
        return (await tx.execute(sql`select 1 from sync_status where ${caughtUp}`)).length > 0;
      }),
    { what: 'a look at everything', timeoutMs: settleTimeoutMs },
  );
  const input = { poked: false, cautious: false, failuresBefore: 0 };
  const target = { tenantId: tenant.uuid, connectionId: uuid, capability: 'mail' as const };
  await runLiveSlice(worker.deps, { ...target, ...input }, undisturbed);
}
