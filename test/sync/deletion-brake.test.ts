import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  appendLetters,
  askOf,
  expunge,
  letter,
  looked,
  messageNamed,
  messagesNamed,
  move,
  omitFolder,
  readStatus,
} from '../support/mailbox-rows.ts';
import { startSyncedMailbox, withClient, type SyncedMailbox } from '../support/synced-mailbox.ts';

const plenty = 120;

/** Below the share that may go in a day, of so many. */
const few = 10;

describe.each(['condstore', 'plain'] as const)('the deletion brake at a %s server', (level) => {
  let mailbox: SyncedMailbox;

  beforeAll(async () => {
    mailbox = await startSyncedMailbox({
      capabilities: level,
      prepare: async (client) => {
        for (const name of ['Big', 'Tidy', 'Moving', 'Target', 'Small', 'Doomed']) {
          await client.mailboxCreate(name);
          const count = name === 'Target' ? 0 : name === 'Small' ? 20 : plenty;
          for (let i = 0; i < count; i += 1) await client.append(name, letter(`${name}-${i}@x`));
        }
      },
    });
    await mailbox.waitForState('live');
  }, 120_000);

  afterAll(() => mailbox.stop());

  it('lets a small folder be emptied, and few deletions in a large one', async () => {
    await expunge(mailbox, 'Small', '1:*');
    await expunge(mailbox, 'Tidy', `1:${few}`);
    await looked(mailbox);
    expect(await mailbox.differences()).toEqual([]);
    expect(await readStatus(mailbox)).toMatchObject({ state: 'live', deletions_held: 0 });
  });

  it('is not bothered by a move of most of a folder, and the messages keep their ids', async () => {
    const before = await messageNamed(mailbox, 'Moving-7@x');
    await move(mailbox, '1:100', { from: 'Moving', to: 'Target' });
    await looked(mailbox);
    expect(await readStatus(mailbox)).toMatchObject({ state: 'live', deletions_held: 0 });
    expect(await mailbox.differences()).toEqual([]);
    expect(await messageNamed(mailbox, 'Moving-7@x')).toEqual(before);
  });

  it('stops and asks when most of a folder goes, and the rest of the mailbox goes on', async () => {
    await expunge(mailbox, 'Big', '1:100');
    await appendLetters(mailbox, 'Big', 'late', 1);
    await appendLetters(mailbox, 'INBOX', 'elsewhere', 1);
    await looked(mailbox);
    expect(await readStatus(mailbox)).toMatchObject({
      state: 'confirm-deletions',
      deletions_held: 100,
    });
    expect((await messageNamed(mailbox, 'Big-7@x')).hidden).toBe(false);
    await messageNamed(mailbox, 'late-0@x');
    await messageNamed(mailbox, 'elsewhere-0@x');
    // Looking again neither lets them pass nor forgets them.
    await looked(mailbox);
    expect(await readStatus(mailbox)).toMatchObject({ deletions_held: 100 });
  });

  it('lets pass what somebody confirms, and asks anew about what comes later', async () => {
    await askOf(mailbox, 'deletions_confirmed_at');
    await looked(mailbox);
    expect(await readStatus(mailbox)).toMatchObject({ state: 'live', deletions_held: 0 });
    expect(await mailbox.differences()).toEqual([]);
    await expunge(mailbox, 'Tidy', '1:60');
    await looked(mailbox);
    expect(await readStatus(mailbox)).toMatchObject({
      state: 'confirm-deletions',
      deletions_held: 60,
    });
    await askOf(mailbox, 'deletions_confirmed_at');
    await looked(mailbox);
    expect(await mailbox.differences()).toEqual([]);
  });

  it('counts a folder that vanishes as deletions, and forgets the question when it is back', async () => {
    const before = await messageNamed(mailbox, 'Doomed-7@x');
    const list = omitFolder(mailbox, 'Doomed');
    await looked(mailbox);
    expect(await readStatus(mailbox)).toMatchObject({
      state: 'confirm-deletions',
      deletions_held: plenty,
    });
    expect(await messageNamed(mailbox, 'Doomed-7@x')).toEqual(before);
    list();
    await looked(mailbox);
    expect(await readStatus(mailbox)).toMatchObject({ state: 'live', deletions_held: 0 });
    expect(await mailbox.differences()).toEqual([]);
    expect(await messageNamed(mailbox, 'Doomed-7@x')).toEqual(before);
  });

  it('lets a folder go with its messages once that is confirmed', async () => {
    await withClient(mailbox.dovecot, async (client) => {
      await client.mailboxDelete('Doomed');
    });
    await looked(mailbox);
    expect(await readStatus(mailbox)).toMatchObject({ deletions_held: plenty });
    await askOf(mailbox, 'deletions_confirmed_at');
    await looked(mailbox);
    expect(await readStatus(mailbox)).toMatchObject({ state: 'live', deletions_held: 0 });
    expect(await mailbox.differences()).toEqual([]);
    expect(await messagesNamed(mailbox, 'Doomed-7@x')).toMatchObject([{ hidden: true }]);
  });
});

describe('explicit tombstones', () => {
  it('pass at once: a server that names what vanished is believed', async () => {
    const mailbox = await startSyncedMailbox({
      capabilities: 'qresync',
      prepare: async (client) => {
        for (let i = 0; i < plenty; i += 1) await client.append('INBOX', letter(`told-${i}@x`));
      },
    });
    try {
      await mailbox.waitForState('live');
      await expunge(mailbox, 'INBOX', '1:110');
      await looked(mailbox);
      expect(await readStatus(mailbox)).toMatchObject({ state: 'live', deletions_held: 0 });
      expect(await mailbox.differences()).toEqual([]);
    } finally {
      await mailbox.stop();
    }
  });
});
