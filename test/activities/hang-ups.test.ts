import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { strikesMax } from '../../db/queries/ingest/strikes.ts';
import type { SliceReport } from '../../domain/sync.ts';
import { hangUpsMax } from '../../providers/imap/bounds.ts';
import { fetches, upTo, type EmulatedMailbox } from '../support/emulated-mailbox.ts';
import {
  elsewhere,
  hangUpAt,
  logins,
  openThreeFolders,
  readsLetter,
  troubles,
  zoo,
} from '../support/hang-ups.ts';

/**
 * A server that ends the connection at what it cannot read, as Dovecot does by default
 * (imap_fetch_failure = disconnect-immediately).
 */

let world: EmulatedMailbox;

beforeEach(async () => {
  world = await openThreeFolders();
});
afterEach(() => world?.[Symbol.asyncDispose]());

describe('a letter at which the server hangs up', () => {
  it('is struck and left out, and everything beside it arrives', async () => {
    const { mailbox, append } = world;
    append('INBOX', [1, 2]);
    await mailbox.importAll();
    hangUpAt(world, [4]);
    append('INBOX', [3, 4, 5]);
    append(elsewhere, [1]);
    expect(await logins(world, () => mailbox.live())).toBeLessThanOrEqual(4);
    expect(await world.stored()).toEqual([1, 2, 3, 5]);
    expect(await world.stored(elsewhere)).toEqual([1]);
    expect(await world.skips()).toMatchObject([{ uid: 4, strikes: 1, quarantined: false }]);
    for (let look = 2; look <= strikesMax; look += 1) {
      append('INBOX', [look * 10]);
      expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: 1 });
    }
    expect(await world.skips()).toMatchObject([
      { uid: 4, reason: 'provider-hung-up', strikes: strikesMax, quarantined: true },
    ]);
    // From here on it costs nothing any more.
    append('INBOX', [100]);
    expect(await logins(world, () => mailbox.live())).toBe(0);
    expect(await mailbox.live()).toMatchObject({ outcome: 'done' });
    expect(await world.stored()).toEqual(world.listed().filter((uid) => uid !== 4));
  });

  it('does not hold up the history either', async () => {
    const { mailbox, append } = world;
    append('INBOX', upTo(5));
    append(elsewhere, [1]);
    hangUpAt(world, [4]);
    await mailbox.live();
    const report = await world.backfill();
    expect(report).toMatchObject({ outcome: 'done', progress: { backfillDone: true } });
    expect(await world.stored()).toEqual([1, 2, 3, 5]);
    expect(await world.stored(elsewhere)).toEqual([1]);
    expect(await world.skips()).toMatchObject([{ uid: 4, reason: 'provider-hung-up', strikes: 1 }]);
  });

  it('is found in a full page within a few logins, also where it is its text', async () => {
    const { mailbox, append, faults } = world;
    append('INBOX', upTo(400));
    faults.verdict = (command) =>
      fetches(command, 123) && command.includes('BODY.PEEK[1]') ? 'disconnect' : 'continue';
    await mailbox.live();
    expect(await logins(world, () => world.backfill())).toBeLessThanOrEqual(4);
    expect(await world.stored()).toEqual(upTo(400).filter((uid) => uid !== 123));
    expect(await world.skips()).toMatchObject([{ uid: 123, strikes: 1 }]);
  });

  it('is stored once it can be read again', async () => {
    const { mailbox, append, faults } = world;
    append('INBOX', upTo(3));
    hangUpAt(world, [2]);
    await mailbox.importAll();
    expect(await world.skips()).toHaveLength(1);
    faults.verdict = () => 'continue';
    await mailbox.live();
    expect(await world.stored()).toEqual([1, 2, 3]);
    expect(await world.skips()).toEqual([]);
  });

  it('is found where it is alone in its folder', async () => {
    const { mailbox, append, faults } = world;
    append('INBOX', [1]);
    append(elsewhere, [1, 2]);
    let inbox = false;
    faults.verdict = (command) => {
      if (/^(EXAMINE|SELECT)/.test(command)) inbox = command.includes('INBOX');
      return inbox && readsLetter(command, 1) ? 'disconnect' : 'continue';
    };
    await mailbox.importAll();
    expect(await world.stored(elsewhere)).toEqual([1, 2]);
    expect(await world.skips()).toMatchObject([{ uid: 1, reason: 'provider-hung-up' }]);
  });

  it('among many holds up nothing for good, and new mail goes before their further tries', async () => {
    const { mailbox, append } = world;
    const poison = [3, 50, 51, 120, 200, 201, 290];
    append('INBOX', upTo(300));
    append(elsewhere, [1]);
    hangUpAt(world, poison);
    await mailbox.live();
    const reports = [await untilDone(() => world.backfill())].flat();
    expect(reports.length).toBeGreaterThan(1);
    for (const { failure } of reports.slice(0, -1)) expect(failure?.kind).toBe('provider-down');
    expect(await world.stored()).toEqual(upTo(300).filter((uid) => !poison.includes(uid)));
    expect(await world.stored(elsewhere)).toEqual([1]);
    expect((await world.skips()).map(({ uid }) => uid)).toEqual(poison);
    append('INBOX', [301]);
    expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: 1 });
  });
});

describe('a folder', () => {
  it('that cannot be opened without a hang-up is in trouble, and the others go on', async () => {
    const { mailbox, append, faults } = world;
    for (const folder of ['INBOX', elsewhere, zoo]) append(folder, [1]);
    faults.verdict = (command) =>
      command.startsWith(`EXAMINE ${elsewhere}`) ? 'disconnect' : 'continue';
    expect(await mailbox.live()).toMatchObject({ outcome: 'done' });
    expect(await troubles(world)).toEqual(['imap-folder-hangs-up']);
    expect(await world.backfill()).toMatchObject({ outcome: 'done' });
    expect(await world.stored(zoo)).toEqual([1]);
    append(zoo, [2]);
    expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: 1 });
    faults.verdict = () => 'continue';
    // A look that was poked spends no connections on it.
    expect(await mailbox.live()).toMatchObject({ outcome: 'done' });
    expect(await troubles(world)).toEqual(['imap-folder-hangs-up']);
    expect(await mailbox.live({ poked: false })).toMatchObject({ outcome: 'done' });
    expect(await world.backfill()).toMatchObject({ outcome: 'done' });
    expect(await world.stored(elsewhere)).toEqual([1]);
    expect(await troubles(world)).toEqual([]);
  });

  it('among many is tried after those that can be opened', async () => {
    const { mailbox, account, append, faults } = world;
    for (let i = 1; i <= hangUpsMax; i += 1) account.create(`${elsewhere} ${i}`);
    append(elsewhere, [1]);
    append(zoo, [1]);
    await mailbox.importAll();
    faults.verdict = (command) =>
      command.startsWith('EXAMINE "Elsewhere') ? 'disconnect' : 'continue';
    for (let i = 1; i <= hangUpsMax; i += 1) append(`${elsewhere} ${i}`, [1]);
    // They are more than a session has connections for.
    for (let look = 2; look <= 5; look += 1) {
      append(zoo, [look]);
      await mailbox.live();
    }
    expect(await troubles(world)).toHaveLength(hangUpsMax);
    // Once they are known, a look is complete without them, and a deeper one tries a few.
    expect(await mailbox.live()).toMatchObject({ outcome: 'done' });
    expect(await mailbox.live({ poked: false })).toMatchObject({ outcome: 'done' });
    expect(await logins(world, () => mailbox.live({ poked: false }))).toBeLessThan(hangUpsMax);
    expect(await world.stored(zoo)).toEqual(upTo(5));
  });

  it('is left out of a comparison then', async () => {
    const { mailbox, append, faults } = world;
    for (const folder of ['INBOX', elsewhere, zoo]) append(folder, [1]);
    await mailbox.importAll();
    await mailbox.live();
    faults.verdict = (command) =>
      command.startsWith(`EXAMINE ${elsewhere}`) ? 'disconnect' : 'continue';
    expect(await world.reconcile()).toMatchObject({ outcome: 'done' });
    expect(await troubles(world)).toEqual(['imap-folder-hangs-up']);
  });

  it('of which no letter can be read is in trouble itself; no letter is struck', async () => {
    const { mailbox, append, faults } = world;
    append('INBOX', upTo(20));
    append(elsewhere, [1]);
    let folder = '';
    faults.verdict = (command) => {
      if (/^(EXAMINE|SELECT)/.test(command)) folder = command;
      const reads = /^UID FETCH .*BODY/.test(command);
      return reads && folder.includes('INBOX') ? 'disconnect' : 'continue';
    };
    await mailbox.live();
    expect(await world.backfill()).toMatchObject({ outcome: 'done' });
    expect(await troubles(world)).toEqual(['imap-folder-hangs-up']);
    expect(await world.stored(elsewhere)).toEqual([1]);
    expect(await world.skips()).toEqual([]);
    // Looks that read no letter say nothing of that: the import is not tried again after each.
    const look = await mailbox.live({ poked: false });
    expect(look).toMatchObject({ outcome: 'done', progress: { backfillDone: true } });
    expect(await troubles(world)).toEqual(['imap-folder-hangs-up']);
    faults.verdict = () => 'continue';
    await world.reconcile();
    expect(await mailbox.live()).toMatchObject({ progress: { backfillDone: false } });
    await world.backfill();
    expect(await world.stored()).toEqual(upTo(20));
  });
});

async function untilDone(slice: () => Promise<SliceReport>): Promise<SliceReport[]> {
  const reports = [await slice()];
  while (reports.at(-1)?.outcome !== 'done' && reports.length < 20) reports.push(await slice());
  return reports;
}
