import { afterEach, expect, test } from 'vitest';
import { defaultCapabilities } from '../emulators/imap/server.ts';
import { openEmulatedMailbox, upTo, type EmulatedMailbox } from '../support/emulated-mailbox.ts';

const limit = 20;
const total = 3 * limit;
const done = { outcome: 'done' };

let world: EmulatedMailbox;
afterEach(() => world[Symbol.asyncDispose]());

test.each([
  ['with every extension', defaultCapabilities],
  ['with no other extension', ['IMAP4rev1']],
])('a mailbox at a server that limits its commands, %s, is kept in step', async (_how, offered) => {
  world = await openEmulatedMailbox({ capabilities: [...offered, `MESSAGELIMIT=${limit}`] });
  const { account, mailbox } = world;
  world.append('INBOX', upTo(total));
  await mailbox.importAll();
  expect(await world.stored()).toEqual(upTo(total));
  // A look at everything finds nothing gone.
  expect(await mailbox.live({ poked: false })).toMatchObject({ ...done, removed: 0, updated: 0 });

  account.setFlags('INBOX', upTo(total), ['\\Seen']);
  expect(await mailbox.live()).toMatchObject({ ...done, updated: total, removed: 0 });
  const gone = upTo(total).filter((uid) => uid % 3 === 0);
  account.expunge('INBOX', gone);
  expect(await mailbox.live()).toMatchObject({ ...done, removed: gone.length });

  world.append('INBOX', upTo(total));
  expect(await mailbox.live()).toMatchObject({ ...done, stored: total, removed: 0 });
  expect(await world.reconcile()).toMatchObject({ ...done, stored: 0, updated: 0, removed: 0 });
  expect(await world.stored()).toEqual(world.listed());
  expect(await world.skips()).toEqual([]);
});
