import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pageBounds } from '../../activities/mail/bounds.ts';
import { defaultCapabilities, type CommandVerdict } from '../emulators/imap/server.ts';
import {
  appendNumbered,
  openEmulatedMailbox,
  upTo,
  type EmulatedMailbox,
} from '../support/emulated-mailbox.ts';

const { itemsMax: page } = pageBounds;

/** Three pages, the last one short. */
const messages = 2 * page + 50;

describe.each([
  ['with every extension', defaultCapabilities],
  ['with none', ['IMAP4rev1']],
])('while pages are read at a server %s', (_level, capabilities) => {
  let world: EmulatedMailbox;

  beforeEach(async () => {
    world = await openEmulatedMailbox({
      capabilities,
      prepare: (account) => appendNumbered(account, 'INBOX', upTo(messages)),
    });
  });
  afterEach(() => world?.[Symbol.asyncDispose]());

  it('mail that comes and goes between pages of history is neither missed nor doubled', async () => {
    const { account, append, mailbox } = world;
    await mailbox.live();
    let pages = 0;
    onPage(async () => {
      pages += 1;
      append('INBOX', [messages + pages]);
      // One that was read, one that was not, and one on the edge of two pages.
      const listed = world.listed();
      account.expunge('INBOX', [listed.at(-9)!, listed[9]!, messages - pages * page]);
      // The live loop runs meanwhile.
      await mailbox.live();
    });
    expect(await world.backfill()).toMatchObject({ outcome: 'done' });
    onPage(() => undefined);
    expect(pages).toBe(3);
    await mailbox.live({ poked: false });
    expect(await world.stored()).toEqual(world.listed());
    expect(await world.skips()).toEqual([]);
  });

  it('a page whose messages are all gone ends nothing', async () => {
    await world.mailbox.live();
    // All of the second page, after it was listed and before it is read.
    const second = world.listed().slice(-2 * page, -page);
    let pages = 0;
    onPage(() => {
      pages += 1;
      if (pages === 2) world.account.expunge('INBOX', second);
    });
    expect(await world.backfill()).toMatchObject({ outcome: 'done', stored: messages - page });
    expect(await world.stored()).toEqual(world.listed());
    expect(await world.stored()).toContain(1);
  });

  it('new mail beyond a page, with such a hole in it, arrives in one look', async () => {
    const { account, append, mailbox } = world;
    await mailbox.importAll();
    append(
      'INBOX',
      upTo(messages).map((number) => messages + number),
    );
    let pages = 0;
    onPage(() => {
      pages += 1;
      if (pages === 1)
        account.expunge(
          'INBOX',
          upTo(page).map((number) => messages + number),
        );
      if (pages === 2) append('INBOX', [2 * messages + 1]);
    });
    expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: messages - page });
    onPage(() => undefined);
    // What came during the walk belongs to the next look, once.
    expect(await mailbox.live()).toMatchObject({ outcome: 'done', stored: 1 });
    expect(await world.stored()).toEqual(world.listed());
  });

  /** Does something whenever outlines are asked for, before they are answered. */
  function onPage(act: () => void | Promise<void>): void {
    const seen = new Set<string>();
    let acting = false;
    world.faults.verdict = async (command): Promise<CommandVerdict> => {
      const set = /^UID FETCH (\S+) .*BODYSTRUCTURE/.exec(command)?.[1];
      // What is read meanwhile is no page of this walk.
      if (set === undefined || acting || seen.has(set)) return 'continue';
      seen.add(set);
      acting = true;
      await act();
      acting = false;
      return 'continue';
    };
  }
});
