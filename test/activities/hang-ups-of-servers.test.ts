import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { strikesMax } from '../../db/queries/ingest/strikes.ts';
import type { SliceReport } from '../../domain/sync.ts';
import { hangUpsMax } from '../../providers/imap/bounds.ts';
import { upTo, type EmulatedMailbox } from '../support/emulated-mailbox.ts';
import {
  elsewhere,
  hangUpAt,
  logins,
  openThreeFolders,
  troubles,
  zoo,
} from '../support/hang-ups.ts';

/** More than a session needs that begins with a listing, opens a folder and reads new mail. */
const commandsMax = 30;

/** New letters of a look: read one by one they take more commands than a witness has to outlast. */
const newLetters = 8;

let world: EmulatedMailbox;

beforeEach(async () => {
  world = await openThreeFolders();
});
afterEach(() => world?.[Symbol.asyncDispose]());

describe('no letter and no folder is blamed', () => {
  it('by a server that ends every session at a letter', async () => {
    const { mailbox, append, faults } = world;
    append('INBOX', [1]);
    append(elsewhere, [1]);
    await mailbox.importAll();
    await mailbox.live();
    append('INBOX', upTo(30).slice(1));
    append(elsewhere, [2]);
    faults.verdict = (command) => (/^UID FETCH .*BODY/.test(command) ? 'disconnect' : 'continue');
    expect(await logins(world, async () => expectDown(await mailbox.live()))).toBeLessThanOrEqual(
      hangUpsMax,
    );
    expect(await troubles(world)).toEqual([]);
    expect(await world.skips()).toEqual([]);
  });

  it('by such a server any further, where it was at fault before', async () => {
    const { mailbox, append, faults } = world;
    append('INBOX', upTo(5));
    hangUpAt(world, [4]);
    await mailbox.importAll();
    faults.verdict = (command) => (/^UID FETCH .*BODY/.test(command) ? 'disconnect' : 'continue');
    for (let look = 0; look < strikesMax; look += 1) expectDown(await mailbox.live());
    expect(await world.skips()).toMatchObject([{ uid: 4, strikes: 1, quarantined: false }]);
    expect(await troubles(world)).toEqual([]);
  });

  it('by a server that ends every session at the opening of a folder', async () => {
    const { mailbox, append, faults } = world;
    append('INBOX', [1]);
    faults.verdict = (command) => (command.startsWith('EXAMINE') ? 'disconnect' : 'continue');
    expect(await logins(world, async () => expectDown(await mailbox.live()))).toBeLessThanOrEqual(
      hangUpsMax + 1,
    );
    expect(await troubles(world)).toEqual([]);
  });

  it('by a server that ends every session after some commands, however many', async () => {
    const { mailbox, append, faults } = world;
    const folders = ['INBOX', elsewhere, zoo];
    for (const folder of folders) append(folder, [1]);
    await mailbox.importAll();
    await mailbox.live();
    let most = 0;
    const commands = new WeakMap<object, number>();
    faults.verdict = (_, session) => {
      const nth = (commands.get(session) ?? 0) + 1;
      commands.set(session, nth);
      return nth > most ? 'disconnect' : 'continue';
    };
    // The text of one letter a look is not in its answer, so that it takes more commands than others.
    faults.line = (line) => line.replace(/(?<=FETCH \(UID )\d*5(?= BODY\[1\])/, '999999');
    const ends = new Set<string>();
    for (most = 1; most <= commandsMax; most += 1) {
      for (const folder of folders)
        append(
          folder,
          upTo(newLetters).map((n) => most * newLetters + n),
        );
      const report = await mailbox.live();
      if (report.outcome !== 'done') expectDown(report);
      ends.add(report.outcome);
      expect(await troubles(world)).toEqual([]);
      expect((await world.skips()).map(({ reason }) => reason)).not.toContain('provider-hung-up');
    }
    expect([...ends]).toEqual(['failed', 'done']);
    faults.verdict = () => 'continue';
    faults.line = (line) => line;
    await mailbox.live();
    const { length: unreadable } = await world.skips();
    const listed = folders.flatMap((folder) => world.listed(folder));
    expect((await mailbox.places()).length).toBe(listed.length - unreadable);
  });
});

function expectDown({ outcome, failure }: SliceReport): void {
  expect({ outcome, kind: failure?.kind }).toEqual({ outcome: 'failed', kind: 'provider-down' });
}
