import { expect, it } from 'vitest';
import { appendNumbered, fetches, openEmulatedMailbox } from '../support/emulated-mailbox.ts';

it('a strike of a folder that is renumbered does not keep it from being taken in', async () => {
  await using world = await openEmulatedMailbox({
    prepare: (account) => appendNumbered(account, 'INBOX', [1, 2, 3]),
  });
  const { mailbox, account, faults } = world;
  faults.verdict = (command) =>
    fetches(command, 2) && command.includes('BODY')
      ? { reply: 'NO [SERVERBUG] not this' }
      : 'continue';
  await mailbox.importAll();
  expect(await world.skips()).toMatchObject([{ uid: 2, quarantined: false }]);
  faults.verdict = () => 'continue';
  account.renumber('INBOX');
  expect(await mailbox.live()).toMatchObject({ outcome: 'done' });
  expect(await world.skips()).toEqual([]);
  await mailbox.importAll();
  expect(await world.stored()).toEqual(world.listed());
});
