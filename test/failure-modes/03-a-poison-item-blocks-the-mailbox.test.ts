import { afterEach, beforeEach, expect, it } from 'vitest';
import { strikesMax } from '../../db/queries/ingest/strikes.ts';
import {
  appendNumbered,
  fetches,
  openEmulatedMailbox,
  upTo,
  type EmulatedMailbox,
} from '../support/emulated-mailbox.ts';

const messages = 12;
const poison = 5;

let world: EmulatedMailbox;

beforeEach(async () => {
  world = await openEmulatedMailbox({
    prepare: (account) => appendNumbered(account, 'INBOX', upTo(messages)),
  });
  world.faults.verdict = (command) =>
    isPoisonous(command) ? { reply: 'NO [SERVERBUG] this one breaks me' } : 'continue';
});
afterEach(() => world?.[Symbol.asyncDispose]());

it('everything beside it arrives, and so does what comes later', async () => {
  const { mailbox, append, emulator } = world;
  await mailbox.importAll();
  const others = upTo(messages).filter((uid) => uid !== poison);
  expect(await world.stored()).toEqual(others);
  for (let look = 2; look <= strikesMax; look += 1) {
    append('INBOX', [messages + look]);
    expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: 1 });
  }
  expect(await world.skips()).toMatchObject([
    { uid: poison, reason: 'provider-refused', strikes: strikesMax, quarantined: true },
  ]);
  // From here on it costs nothing any more, and completeness says that it is lacking.
  const asked = emulator.commands.length;
  append('INBOX', [messages + 10]);
  expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: 1, skipped: 0 });
  expect(emulator.commands.slice(asked).filter(isPoisonous)).toEqual([]);
  const { progress } = await world.reconcile();
  expect(progress).toMatchObject({ skips: 1, lastReconciliation: { missingAfter: 1 } });
  expect(await world.stored()).toEqual(world.listed().filter((uid) => uid !== poison));
});

/** Its flags can be told; what it says can not. */
function isPoisonous(command: string): boolean {
  return fetches(command, poison) && command.includes('BODY');
}
