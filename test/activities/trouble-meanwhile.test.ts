import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { openEmulatedMailbox } from '../support/emulated-mailbox.ts';

const elsewhere = 'Elsewhere';

it('what left a folder that could not be opened, and is gone then, keeps its id', async () => {
  await using world = await openEmulatedMailbox({
    prepare: (account) => account.create(elsewhere),
  });
  const { mailbox, account, faults } = world;
  world.append(elsewhere, [1, 2]);
  await mailbox.importAll();
  await mailbox.live();
  const before = await idsIn(elsewhere);

  // As when a folder gets another name between being listed and being opened.
  faults.verdict = (command) =>
    command.startsWith(`EXAMINE ${elsewhere}`) ? { reply: 'NO [NONEXISTENT] gone' } : 'continue';
  account.move(elsewhere, [1], 'INBOX');
  // The first look stores the new place; the second one begins after that.
  for (let look = 0; look < 2; look += 1) {
    expect((await mailbox.live()).outcome).toBe('done');
    expect(await troubles()).toEqual([{ trouble: 'imap-folder-missing' }]);
  }
  faults.verdict = () => 'continue';
  account.apply({ op: 'delete', folder: elsewhere });
  expect((await mailbox.live()).outcome).toBe('done');
  expect(await idsIn(elsewhere)).toEqual([]);
  expect(await idsIn('INBOX')).toEqual([before[0]]);

  async function idsIn(folder: string): Promise<string[]> {
    return (await mailbox.places()).filter((each) => each.folder === folder).map(({ id }) => id);
  }

  async function troubles(): Promise<unknown[]> {
    return await mailbox.read(sql`select trouble from collections where trouble is not null`);
  }
});

it('a folder that can be opened again is looked at, and in step with the others then', async () => {
  await using world = await openEmulatedMailbox({
    prepare: (account) => account.create(elsewhere),
  });
  const { mailbox, faults } = world;
  world.append(elsewhere, [1]);
  await mailbox.importAll();
  await mailbox.live();
  faults.verdict = (command) =>
    command.startsWith(`EXAMINE ${elsewhere}`) ? { reply: 'NO [NOPERM] not yours' } : 'continue';
  world.append(elsewhere, [2]);
  await mailbox.live();
  expect(await behind()).toHaveLength(1);
  faults.verdict = () => 'continue';
  await mailbox.live();
  expect(await behind()).toEqual([]);
  expect(await world.stored(elsewhere)).toEqual([1, 2]);

  async function behind(): Promise<unknown[]> {
    return await mailbox.read(sql`
      select from collections where in_step_until is not null or mark is null or trouble is not null`);
  }
});
