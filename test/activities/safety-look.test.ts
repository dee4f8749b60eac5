import { sql, type SQL } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { endConnection } from '../../activities/mail/erase-connection.ts';
import { withFence } from '../../db/fence.ts';
import { disconnectConnection } from '../../db/queries/connection-ends.ts';
import { withTransition } from '../../db/tenant.ts';
import { openEmulatedMailbox, upTo, type EmulatedMailbox } from '../support/emulated-mailbox.ts';
import { undisturbed } from '../support/slice-life.ts';

/** More than one transaction erases. */
const many = 1_100;

it('erases what is due although every look was poked', async () => {
  await using world = await openMailboxOf(4);
  await hide(world, [1], '30 days');
  await world.mailbox.live();
  expect(await hiddenIn(world)).toBe(1);
  await change(world, sql`update sync_status set safety_looked_at = now() - interval '4 hours'`);
  await world.mailbox.live();
  expect(await hiddenIn(world)).toBe(0);
  // The next time is hours away again.
  await hide(world, [2], '30 days');
  await world.mailbox.live();
  expect(await hiddenIn(world)).toBe(1);
});

it('erases in a comparison all that is due, and nothing that may come back', async () => {
  await using world = await openMailboxOf(many + 2);
  await hide(world, upTo(many), '30 days');
  await hide(world, [many + 1], '1 hour');
  await world.reconcile();
  expect(await hiddenIn(world)).toBe(1);
});

it('erases nothing while somebody is asked about deletions', async () => {
  await using world = await openMailboxOf(3);
  await hide(world, [1], '30 days');
  await change(world, sql`update sync_status set deletions_held = 1`);
  await world.reconcile();
  expect(await hiddenIn(world)).toBe(1);
});

it('erases what is hidden with the end of a connection whose data is kept', async () => {
  await using world = await openMailboxOf(many + 2);
  const { mailbox } = world;
  const { tenantId, connectionId } = mailbox.licence;
  await hide(world, upTo(many), '1 minute');
  await withTransition(mailbox.base.app, tenantId, (tx) =>
    disconnectConnection(tx, { tenantId, id: connectionId }, null),
  );
  await endConnection(mailbox.deps, { tenantId, connectionId, capability: 'mail' }, undisturbed);
  expect(await hiddenIn(world)).toBe(0);
  expect(await mailbox.read(sql`select from messages`)).toHaveLength(2);
});

/** An inbox that is watched, so that safety polls are hours apart. */
async function openMailboxOf(messages: number): Promise<EmulatedMailbox> {
  const world = await openEmulatedMailbox();
  world.append('INBOX', upTo(messages));
  await world.mailbox.importAll();
  await change(world, sql`update sync_status set watch_seen_at = now() + interval '1 hour'`);
  return world;
}

/** Messages that the server has no more, and that the store has hidden for so long. */
async function hide(world: EmulatedMailbox, uids: number[], ago: string): Promise<void> {
  world.account.expunge('INBOX', uids);
  const places = sql`placements where uid = any(${sql.param(uids)}::bigint[])`;
  const hiddenAt = sql`hidden_at = now() - ${ago}::interval`;
  await change(
    world,
    sql`update messages set ${hiddenAt} where id in (select message_id from ${places})`,
  );
  await change(
    world,
    sql`update placements set ${hiddenAt} where uid = any(${sql.param(uids)}::bigint[])`,
  );
}

async function change({ mailbox }: EmulatedMailbox, statement: SQL): Promise<void> {
  await withFence(mailbox.deps.database, mailbox.licence, (tx) => tx.execute(statement));
}

async function hiddenIn({ mailbox }: EmulatedMailbox): Promise<number> {
  return (await mailbox.read(sql`select from messages where hidden_at is not null`)).length;
}
