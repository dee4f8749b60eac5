import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { pageBounds } from '../../activities/mail/bounds.ts';
import { mailFlags } from '../../domain/mail.ts';
import {
  appendNumbered,
  openEmulatedMailbox,
  upTo,
  type EmulatedMailbox,
} from '../support/emulated-mailbox.ts';

/** Three pages of history, so that one is in the middle. */
const messages = 2 * pageBounds.itemsMax + 50;

let world: EmulatedMailbox;

beforeEach(async () => {
  world = await openEmulatedMailbox({
    prepare: (account) => appendNumbered(account, 'INBOX', upTo(messages)),
  });
});
afterEach(() => world?.[Symbol.asyncDispose]());

it('changes whose transaction dies at its end are read again', async () => {
  await world.mailbox.importAll();
  const before = await cursors();
  const fresh = [messages + 1, messages + 2];
  world.append('INBOX', fresh);
  world.account.expunge('INBOX', [7]);
  world.account.setFlags('INBOX', [8], ['\\Flagged']);
  const mend = await breakCommits('placements', 'new.uid > 0');
  await expect(world.mailbox.live()).rejects.toThrow('The connection is lost.');
  expect(await cursors()).toEqual(before);
  expect(await world.stored()).toEqual(upTo(messages));
  await mend();
  expect(await world.mailbox.live()).toMatchObject({ outcome: 'done', stored: 2, removed: 1 });
  expect(await world.stored()).toEqual(world.listed());
  const [flagged] = await world.mailbox.read(sql`select flags from placements where uid = 8`);
  expect(flagged).toEqual({ flags: mailFlags.flagged });
});

it('history behind a page that was not stored waits for it', async () => {
  await world.mailbox.live();
  // In the middle page, while the pages before and behind it are in hand as well.
  const mend = await breakCommits('placements', `new.uid = ${messages - pageBounds.itemsMax - 5}`);
  await expect(world.backfill()).rejects.toThrow('The connection is lost.');
  const [row] = await cursors();
  const { nextUid } = row!.backfill as { nextUid: number };
  expect(nextUid).toBe(messages - pageBounds.itemsMax + 1);
  // Everything that the cursor says is done is there, and nothing that it leaves to be done.
  expect(await world.stored()).toEqual(world.listed().filter((uid) => uid >= nextUid));
  await mend();
  expect(await world.backfill()).toMatchObject({ outcome: 'done' });
  expect(await world.stored()).toEqual(world.listed());
});

interface CursorRow extends Record<string, unknown> {
  live: unknown;
  backfill: unknown;
}

async function cursors(): Promise<CursorRow[]> {
  return (await world.mailbox.read(sql`
    select live_cursor as live, backfill_cursor as backfill from collections`)) as CursorRow[];
}

/** Transactions that write such rows do all that they should, and are lost when they commit. */
async function breakCommits(table: string, condition: string): Promise<() => Promise<unknown>> {
  const { owner } = world.mailbox.base;
  await owner.sql.unsafe(`
    create function lose_commit() returns trigger language plpgsql as $$
    begin
      raise exception using errcode = '57P01', message = 'The connection is lost.';
    end $$;
    create constraint trigger lost after insert or update on ${table}
      deferrable initially deferred for each row when (${condition})
      execute function lose_commit()`);
  return async () => await owner.sql.unsafe(`drop function lose_commit cascade`);
}
