import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAskingMailbox, type AskingMailbox } from '../support/asking-mailbox.ts';
import { appendNumbered, openEmulatedMailbox, upTo } from '../support/emulated-mailbox.ts';
import { appendLetters, letter } from '../support/mailbox-rows.ts';
import { withClient } from '../support/synced-mailbox.ts';

const messages = 60;

describe.each(['qresync', 'condstore'] as const)('a %s server', (capabilities) => {
  let world: AskingMailbox;

  beforeEach(async () => {
    world = await startAskingMailbox(capabilities);
    await appendLetters(world, 'INBOX', 'old', messages);
    await world.settle();
  });
  afterEach(() => world?.[Symbol.asyncDispose]());

  it('that lost its mod-sequences: all is compared, and nothing is new again', async () => {
    const { mailbox, dovecot, other } = world;
    const before = await identities();
    const { modseq } = (await liveCursor())!;
    await withClient(dovecot, async (client) => {
      await client.append('INBOX', letter('new@x'));
      await client.mailboxOpen('INBOX');
      await client.messageFlagsAdd('7', ['\\Flagged']);
      await client.messageDelete('3:5');
    });
    forgetChanges();
    const status = await other.status('INBOX', { highestModseq: true });
    expect(status && status.highestModseq).toBeLessThan(BigInt(modseq));

    expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: 1, removed: 3 });
    expect(await world.differences()).toEqual([]);
    const after = await identities();
    expect(after).toEqual(expect.arrayContaining(before.filter((_, i) => i < 2 || i > 4)));
    expect(after).toHaveLength(messages - 3 + 1);
    // From the new position on, changes cost no comparison again.
    await appendLetters({ dovecot }, 'INBOX', 'later', 1);
    expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: 1, updated: 0 });
    expect(await world.differences()).toEqual([]);
  });

  /** The folder's indexes hold what has changed since when; the messages and their UIDs stay. */
  function forgetChanges(): void {
    const { maildir } = world.dovecot;
    world.mailbox.deps.mail.dismiss(world.mailbox.licence.connectionId);
    for (const name of readdirSync(maildir)) {
      if (name.startsWith('dovecot.index')) rmSync(path.join(maildir, name));
    }
  }

  /** What must stay as it is, oldest first. */
  async function identities(): Promise<Record<string, unknown>[]> {
    return await world.mailbox.read(sql`
      select m.id, m.thread_id, m.created_at from messages m
      join placements p on p.tenant_id = m.tenant_id and p.message_id = m.id
      where m.hidden_at is null and p.hidden_at is null order by p.uid`);
  }

  async function liveCursor(): Promise<{ modseq: string } | undefined> {
    const rows = await world.mailbox.read(sql`
      select live_cursor->>'modseq' as modseq from collections c
      join folders f on f.tenant_id = c.tenant_id and f.id = c.id where f.role = 'inbox'`);
    return rows[0] as { modseq: string } | undefined;
  }
});

it('a folder that keeps no mod-sequences any more, and then keeps some again', async () => {
  await using world = await openEmulatedMailbox({
    prepare: (account) => appendNumbered(account, 'INBOX', upTo(messages)),
  });
  const { account, append, mailbox } = world;
  await mailbox.importAll();
  const ids = new Map((await mailbox.places()).map(({ uid, id }) => [uid, id]));
  for (const round of [1, 2]) {
    append('INBOX', [messages + round]);
    account.expunge('INBOX', [round]);
    account.setFlags('INBOX', [10 + round], ['\\Flagged']);
    if (round === 1) world.faults.line = withoutModseq;
    else world.faults.line = (line) => line;
    expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: 1, removed: 1 });
    const places = await mailbox.places();
    expect(places.map(({ uid }) => uid)).toEqual(world.listed());
    expect(places.filter(({ flags }) => flags > 0)).toHaveLength(round);
    expect(places.filter(({ uid, id }) => (ids.get(uid) ?? id) !== id)).toEqual([]);
  }
});

/** NOMODSEQ (RFC 7162 §3.1.2.2) in the place of every mod-sequence that a server tells. */
function withoutModseq(line: string): string {
  return line
    .replace(/\[HIGHESTMODSEQ \d+\]/, '[NOMODSEQ]')
    .replace(/ ?HIGHESTMODSEQ \d+/, '')
    .replace(/ ?MODSEQ \(\d+\)/, '');
}
