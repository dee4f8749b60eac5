import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBackfillSlice } from '../../activities/mail/backfill-slice.ts';
import { mailFlags } from '../../domain/mail.ts';
import { startAskingMailbox, type AskingMailbox } from '../support/asking-mailbox.ts';
import type { CapabilityLevel } from '../support/dovecot.ts';
import { afterLookingAt } from '../support/overriding-changes.ts';
import { whileHistoryIsOnItsWay } from '../support/overriding-history.ts';
import { undisturbed } from '../support/slice-life.ts';

const levels: CapabilityLevel[] = ['qresync', 'condstore'];

describe.each(levels)('a %s server changes while its history is imported', (level) => {
  let asking: AskingMailbox;
  let counter = 0;

  beforeAll(async () => {
    asking = await startAskingMailbox(level);
  });
  afterAll(() => asking[Symbol.asyncDispose]());

  async function append(folder: string): Promise<void> {
    counter += 1;
    await asking.other.append(folder, `Message-ID: <${counter}@x>\r\n\r\nhello ${counter}\r\n`);
  }

  async function renumber(folder: string, uidValidity: number): Promise<void> {
    const command = ['mailbox', 'update', '-u', asking.dovecot.user];
    await asking.dovecot.doveadm(...command, '--uid-validity', String(uidValidity), folder);
  }

  /** One slice of the import; something happens while the first page of a folder is on its way. */
  async function importMeanwhile(folder: string, happen: () => Promise<void>) {
    const { deps, licence } = asking.mailbox;
    const { tenantId, connectionId } = licence;
    const target = { tenantId, connectionId, capability: 'mail', failuresBefore: 0 } as const;
    const mail = whileHistoryIsOnItsWay(deps.mail, folder, happen);
    return await runBackfillSlice({ ...deps, mail }, target, undisturbed);
  }

  it('stores mail that arrives while its folder is renumbered twice', async () => {
    await asking.other.mailboxCreate('Twice');
    await append('Twice');
    await asking.settle();
    await renumber('Twice', 777);
    await asking.live();
    await renumber('Twice', 888);
    await importMeanwhile('Twice', async () => {
      await append('Twice');
      await asking.live();
    });
    await asking.settle();
    expect(await asking.differences()).toEqual([]);
  });

  it('sees flags that change before the store has the message', async () => {
    await asking.other.mailboxCreate('Flags');
    await append('Flags');
    await asking.live();
    const report = await importMeanwhile('Flags', async () => {
      await asking.other.mailboxOpen('Flags');
      await asking.other.messageFlagsAdd('1', ['\\Flagged'], { uid: true });
      await asking.other.mailboxClose();
      await asking.live();
    });
    expect(report).toMatchObject({ outcome: 'done', stored: 1, lookDue: true });
    await asking.settle();
    expect(await asking.differences()).toEqual([]);
  });

  it('asks for no second look when nothing changed meanwhile', async () => {
    await asking.other.mailboxCreate('Calm');
    await append('Calm');
    await asking.live();
    const report = await importMeanwhile('Calm', async () => {});
    expect(report).toMatchObject({ outcome: 'done', stored: 1 });
    expect(report.lookDue).toBeUndefined();
  });

  it('sees a message go that goes while its page is on the way and a look is under way', async () => {
    await asking.other.mailboxCreate('Leaving');
    await append('Leaving');
    await asking.settle();
    await renumber('Leaving', 999);
    await asking.live();
    const [looked, imported] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    // The look ends after the import, and has compared the folder before it.
    const mail = afterLookingAt(asking.mailbox.deps.mail, 'Leaving', async () => {
      looked.resolve();
      await imported.promise;
    });
    let look: Promise<unknown> | undefined;
    await importMeanwhile('Leaving', async () => {
      await asking.other.mailboxOpen('Leaving');
      await asking.other.messageDelete('1', { uid: true });
      await asking.other.mailboxClose();
      look = asking.live({ mail });
      await looked.promise;
    });
    imported.resolve();
    await look;
    // Nothing but pokes: a safety poll might compare everything.
    await asking.live();
    expect(await asking.differences()).toEqual([]);
  });

  it('waits with a change of a message that is in a folder without its history yet', async () => {
    await append('INBOX');
    await asking.settle();
    const [row] = await asking.mailbox.read(sql`
      select m.id, p.uid::text from messages m join placements p on p.message_id = m.id
      where p.hidden_at is null order by m.created_at desc limit 1`);
    const { id, uid } = row as { id: string; uid: string };
    await asking.other.mailboxCreate('Fresh');
    await asking.other.mailboxOpen('INBOX');
    expect(await asking.other.messageMove(uid, 'Fresh', { uid: true })).toBeTruthy();
    await asking.other.mailboxClose();
    // After the second look the place that is gone was gone before the last one.
    await asking.live();
    await asking.live();
    const intent = await asking.ask({
      ...{ kind: 'flags', messageId: id, addFlags: mailFlags.flagged },
    });
    await asking.live();
    const state = sql`select state, reason from intents where id = ${intent}`;
    expect(await asking.mailbox.read(state)).toEqual([{ state: 'pending', reason: null }]);
    await asking.settle();
    await asking.settle();
    expect(await asking.mailbox.read(state)).toEqual([{ state: 'done', reason: null }]);
    const flags = sql`select flags from placements
      where message_id = ${id} and hidden_at is null`;
    expect(await asking.mailbox.read(flags)).toEqual([{ flags: mailFlags.flagged }]);
  });
});
