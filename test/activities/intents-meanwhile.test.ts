import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProviderFailure } from '../../domain/failure.ts';
import { mailFlags } from '../../domain/mail.ts';
import {
  startAskingMailbox,
  type AskedIntent,
  type AskingMailbox,
} from '../support/asking-mailbox.ts';
import type { CapabilityLevel } from '../support/dovecot.ts';
import { beforeLookingAt } from '../support/overriding-changes.ts';
import { overridingWriter } from '../support/overriding-writer.ts';

const levels: CapabilityLevel[] = ['qresync', 'condstore', 'uidplus'];

/** The inbox is looked at first, the archive last: moves between them are seen from one side. */
describe.each(levels)('another client changes a %s server while Steward writes', (level) => {
  let asking: AskingMailbox;
  let counter = 0;

  beforeAll(async () => {
    asking = await startAskingMailbox(level);
    for (const name of ['Archive', 'Projects']) await asking.other.mailboxCreate(name);
    await asking.settle();
  });
  afterAll(() => asking[Symbol.asyncDispose]());

  async function arrive(folder: string): Promise<{ id: string; uid: number }> {
    counter += 1;
    const text = `Subject: No. ${counter}\r\nMessage-ID: <${counter}@x>\r\n\r\nhello ${counter}\r\n`;
    await asking.other.append(folder, text);
    await asking.settle();
    return await newestIn(folder);
  }

  async function newestIn(folder: string): Promise<{ id: string; uid: number }> {
    const { vault, licence } = asking.mailbox;
    const [row] = await asking.mailbox.read(sql`
      select message_id, uid::int from placements where hidden_at is null
        and folder_id = ${vault.index('folder', licence.connectionId, folder)}
      order by uid desc limit 1`);
    return { id: row!['message_id'] as string, uid: row!['uid'] as number };
  }

  async function theirMove(from: string, uid: number, to: string): Promise<void> {
    await asking.other.mailboxOpen(from);
    // Dovecot obeys commands that it was told not to offer.
    for (const name of ['MOVE', 'UIDPLUS']) asking.other.capabilities.set(name, true);
    expect(await asking.other.messageMove(String(uid), to, { uid: true })).toBeTruthy();
    await asking.other.mailboxClose();
  }

  const flag = (messageId: string): AskedIntent => ({
    ...{ kind: 'flags', messageId, addFlags: mailFlags.flagged },
  });

  async function expectFlagged(intent: string, messageId: string): Promise<void> {
    await asking.settle();
    const [row] = await asking.mailbox.read(
      sql`select state, reason from intents where id = ${intent}`,
    );
    expect(row).toEqual({ state: 'done', reason: null });
    const places = sql`select flags from placements
      where message_id = ${messageId} and hidden_at is null`;
    expect(await asking.mailbox.read(places)).toEqual([{ flags: mailFlags.flagged }]);
    expect(await asking.differences()).toEqual([]);
  }

  /** The folder gets another name before the first command about flags arrives. */
  function renamedUnderway(from: string, to: string) {
    let calls = 0;
    return overridingWriter(asking.mailbox.deps.mail, (write) => ({
      ...write,
      changeFlags: async (request) => {
        calls += 1;
        if (calls === 1) await asking.other.mailboxRename(from, to);
        return await write.changeFlags(request);
      },
    }));
  }

  it('waits for a message that has left one folder and is not seen in another yet', async () => {
    const { id, uid } = await arrive('Archive');
    // So that the archive is looked at.
    await asking.other.append('Archive', `Message-ID: <stays-${counter}@x>\r\n\r\nhello\r\n`);
    const mail = beforeLookingAt(asking.mailbox.deps.mail, 'Archive', () =>
      theirMove('Archive', uid, 'INBOX'),
    );
    await asking.live({ mail });
    const hidden = sql`select hidden_at is not null as hidden from messages where id = ${id}`;
    expect(await asking.mailbox.read(hidden)).toEqual([{ hidden: true }]);
    const intent = await asking.ask(flag(id));
    await expectFlagged(intent, id);
  });

  it('carries out what was asked of a moved message before it was recognised', async () => {
    const { id, uid } = await arrive('Archive');
    await theirMove('Archive', uid, 'INBOX');
    let intent = '';
    const mail = beforeLookingAt(asking.mailbox.deps.mail, 'Archive', async () => {
      const shown = await newestIn('INBOX');
      expect(shown.id).not.toBe(id);
      intent = await asking.ask(flag(shown.id));
    });
    await asking.live({ mail });
    await expectFlagged(intent, id);
  });

  it('follows a folder that is renamed before the command arrives', async () => {
    const { id } = await arrive('Projects');
    const renamed = `Projects ${counter}`;
    const intent = await asking.ask(flag(id));
    const mail = renamedUnderway('Projects', renamed);
    await asking.live({ mail });
    await expectFlagged(intent, id);
    await asking.other.mailboxRename(renamed, 'Projects');
    await asking.settle();
  });

  it('keeps to the order in which things are asked of a message, when the first has to wait', async () => {
    const { id } = await arrive('Projects');
    const renamed = `Projects ${counter}`;
    const first = await asking.ask(flag(id));
    await asking.ask({ kind: 'create-folder', content: { path: [`Between ${counter}`] } });
    const last = await asking.ask({
      ...{ kind: 'flags', messageId: id, removeFlags: mailFlags.flagged },
    });
    const mail = renamedUnderway('Projects', renamed);
    await asking.live({ mail });
    await asking.settle();
    const states = sql`select distinct state from intents where id in (${first}, ${last})`;
    expect(await asking.mailbox.read(states)).toEqual([{ state: 'done' }]);
    const flags = sql`select flags from placements
      where message_id = ${id} and hidden_at is null`;
    expect(await asking.mailbox.read(flags)).toEqual([{ flags: 0 }]);
    expect(await asking.differences()).toEqual([]);
    await asking.other.mailboxRename(renamed, 'Projects');
    await asking.settle();
  });

  it('deletes a message that is moved before the command arrives', async () => {
    const { id, uid } = await arrive('INBOX');
    const intent = await asking.ask({ kind: 'delete', messageId: id });
    let calls = 0;
    const mail = overridingWriter(asking.mailbox.deps.mail, (write) => ({
      ...write,
      delete: async (request) => {
        calls += 1;
        if (calls === 1) await theirMove('INBOX', uid, 'Archive');
        return await write.delete(request);
      },
    }));
    await asking.live({ mail });
    await asking.settle();
    const state = sql`select state, reason from intents where id = ${intent}`;
    expect(await asking.mailbox.read(state)).toEqual([{ state: 'done', reason: null }]);
    await asking.other.mailboxOpen('Archive');
    const there = await asking.other.search({ header: { 'message-id': `<${counter}@x>` } });
    await asking.other.mailboxClose();
    expect(there).toEqual([]);
    expect(await asking.differences()).toEqual([]);
  });

  it('deletes a message that is recognised by the very slice that is to delete it', async () => {
    await asking.other.mailboxCreate('Doomed too');
    await asking.settle();
    const { id, uid } = await arrive('Doomed too');
    await theirMove('Doomed too', uid, 'INBOX');
    let intent = '';
    const mail = beforeLookingAt(asking.mailbox.deps.mail, 'Doomed too', async () => {
      const shown = await newestIn('INBOX');
      expect(shown.id).not.toBe(id);
      intent = await asking.ask({ kind: 'delete', messageId: shown.id });
      await asking.other.mailboxDelete('Doomed too');
    });
    await asking.live({ mail });
    // Its first look finds the folder gone: the message has its old id from then on.
    await asking.settle();
    const state = sql`select state, reason from intents where id = ${intent}`;
    expect(await asking.mailbox.read(state)).toEqual([{ state: 'done', reason: null }]);
    await asking.other.mailboxOpen('INBOX');
    const there = await asking.other.search({ header: { 'message-id': `<${counter}@x>` } });
    await asking.other.mailboxClose();
    expect(there).toEqual([]);
    expect(await asking.differences()).toEqual([]);
  });

  it('keeps the id of a message that left a folder before the folder was deleted', async () => {
    await asking.other.mailboxCreate('Doomed');
    await asking.settle();
    const { id, uid } = await arrive('Doomed');
    await theirMove('Doomed', uid, 'INBOX');
    const mail = beforeLookingAt(asking.mailbox.deps.mail, 'Doomed', async () => {
      throw new ProviderFailure('provider-down', 'The look ends before the folder.');
    });
    expect(await asking.live({ mail })).toMatchObject({ outcome: 'failed' });
    expect((await newestIn('INBOX')).id).not.toBe(id);
    const { vault, licence } = asking.mailbox;
    const folderId = vault.index('folder', licence.connectionId, 'Doomed');
    await asking.ask({ kind: 'delete-folder', folderId });
    await asking.settle();
    expect((await newestIn('INBOX')).id).toBe(id);
    expect(await asking.differences()).toEqual([]);
  });

  it('sees a message go that it has just moved', async () => {
    const { id, uid } = await arrive('INBOX');
    const { vault, licence } = asking.mailbox;
    const folderId = vault.index('folder', licence.connectionId, 'Archive');
    const intent = await asking.ask({ kind: 'move', messageId: id, folderId });
    const mail = overridingWriter(asking.mailbox.deps.mail, (write) => ({
      ...write,
      move: async (request) => {
        const outcome = await write.move(request);
        const moved = outcome.moved?.find((item) => item.uid === uid);
        await asking.other.mailboxOpen('Archive');
        await asking.other.messageDelete(String(moved!.newUid), { uid: true });
        await asking.other.mailboxClose();
        return outcome;
      },
    }));
    await asking.live({ mail });
    const [row] = await asking.mailbox.read(sql`select state from intents where id = ${intent}`);
    expect(row).toEqual({ state: 'done' });
    // Nothing but pokes: a safety poll might compare everything.
    await asking.live();
    expect(await asking.differences()).toEqual([]);
  });
});
