import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { historyPageBounds } from '../../activities/mail/bounds.ts';
import { takeTurns } from '../../db/queries/ingest/take-turns.ts';
import { withTenant } from '../../db/tenant.ts';
import type { CommandVerdict } from '../emulators/imap/server.ts';
import {
  appendNumbered,
  openEmulatedMailbox,
  upTo,
  type EmulatedMailbox,
} from '../support/emulated-mailbox.ts';
import { waitFor } from '../support/wait-for.ts';

const { itemsMax: page } = historyPageBounds;

/** Four pages, the last one short. */
const messages = 3 * page + 50;

let world: EmulatedMailbox;
/** What the server was asked for, page by page. */
let asked: string[];

beforeEach(async () => {
  asked = [];
  world = await openEmulatedMailbox({
    prepare: (account) => appendNumbered(account, 'INBOX', upTo(messages)),
  });
  await world.mailbox.live();
  world.faults.verdict = (command) => {
    const set = /^UID FETCH (\S+) .*BODYSTRUCTURE/.exec(command)?.[1];
    if (set !== undefined) asked.push(set);
    return 'continue';
  };
});
afterEach(() => world?.[Symbol.asyncDispose]());

it('reads the next page while one is stored, and no third', async () => {
  const { base, licence } = world.mailbox;
  const importing = await withTenant(base.app, licence.tenantId, async (tx) => {
    // Pages wait for their turn, after which they are stored.
    await takeTurns(tx, licence);
    const running = world.backfill();
    await waitFor(async () => asked.length === 2, { what: 'the second page to be asked for' });
    await sleep(300);
    expect(asked).toHaveLength(2);
    return { running };
  });
  expect(await importing.running).toMatchObject({ outcome: 'done', stored: messages });
  expect(asked).toHaveLength(4);
  expect(await world.stored()).toEqual(world.listed());
});

it('stores what was read before the server refuses to go on, and says so', async () => {
  const { verdict } = world.faults;
  world.faults.verdict = async (command, session) => {
    await verdict(command, session);
    return asked.length > 2 ? { reply: 'NO [UNAVAILABLE] later' } : 'continue';
  };
  const report = await world.backfill();
  expect(report).toMatchObject({ outcome: 'failed', stored: 2 * page });
  expect(await world.stored()).toEqual(world.listed().slice(-2 * page));
});

it('begins no further page once it is to pause, and goes on where it stopped', async () => {
  const { mailbox } = world;
  world.faults.verdict = async (command): Promise<CommandVerdict> => {
    const isPage = /^UID FETCH .*BODYSTRUCTURE/.test(command);
    if (isPage) asked.push(command);
    if (isPage && asked.length === 2) await want('paused');
    return 'continue';
  };
  const paused = await world.backfill();
  expect(paused.outcome).toBe('paused');
  expect(asked.length).toBeLessThan(4);
  expect(await world.stored()).toEqual(world.listed().slice(-paused.stored));
  await want('run');
  const rest = await world.backfill();
  expect(rest).toMatchObject({ outcome: 'done', stored: messages - paused.stored });
  expect(await world.stored()).toEqual(world.listed());

  async function want(wanted: string): Promise<void> {
    await mailbox.base.owner.db.execute(sql`update directory.connections set wanted = ${wanted}`);
  }
});
