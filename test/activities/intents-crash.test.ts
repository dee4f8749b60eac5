import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProviderFailure } from '../../domain/failure.ts';
import { mailFlags } from '../../domain/mail.ts';
import type { MailWriter } from '../../domain/mail-writer.ts';
import {
  startAskingMailbox,
  type AskedIntent,
  type AskingMailbox,
} from '../support/asking-mailbox.ts';
import type { CapabilityLevel } from '../support/dovecot.ts';
import { overridingWriter } from '../support/overriding-writer.ts';

/** As a killed process looks to the database: nothing after this point is written. */
class Killed extends Error {}

const killed = () => Promise.reject(new Killed('killed'));

type Verb = (...args: never[]) => Promise<unknown>;

/** Replaces every verb that changes something; `copiesFrom` only looks. */
function replacing(make: (verb: Verb) => Verb): (write: MailWriter) => MailWriter {
  return (write) => ({
    changeFlags: make(write.changeFlags) as MailWriter['changeFlags'],
    copiesFrom: write.copiesFrom,
    move: make(write.move) as MailWriter['move'],
    delete: make(write.delete) as MailWriter['delete'],
    createFolder: make(write.createFolder) as MailWriter['createFolder'],
    renameFolder: make(write.renameFolder) as MailWriter['renameFolder'],
    deleteFolder: make(write.deleteFolder) as MailWriter['deleteFolder'],
  });
}

const deaths = {
  'before the server did anything': replacing(() => () => killed()),
  'after the server did it': replacing((verb) => async (...args) => {
    await verb(...args);
    return await killed();
  }),
  'and only the answer is lost': replacing((verb) => async (...args) => {
    await verb(...args);
    throw answerLost();
  }),
};

/** A killed process, or a slice that lost the server's answer. */
const isDeath = (value: unknown): boolean =>
  value instanceof Killed || (value as { outcome: string }).outcome === 'failed';

const answerLost = () =>
  new ProviderFailure('outcome-unknown', 'The answer was lost.', { code: 'imap-connection-lost' });

const levels: CapabilityLevel[] = ['qresync', 'condstore', 'uidplus'];

describe.each(levels)('a process that dies while it writes to a %s server', (level) => {
  let asking: AskingMailbox;
  let counter = 0;

  beforeAll(async () => {
    asking = await startAskingMailbox(level);
    await asking.other.mailboxCreate('Archive');
    await asking.settle();
  });
  afterAll(() => asking[Symbol.asyncDispose]());

  const folderId = (ref: string) => {
    const { vault, licence } = asking.mailbox;
    return vault.index('folder', licence.connectionId, ref);
  };

  async function arrive(): Promise<string> {
    counter += 1;
    const text = `Subject: No. ${counter}\r\nMessage-ID: <${counter}@x>\r\n\r\nhello ${counter}\r\n`;
    await asking.other.append('INBOX', text);
    await asking.settle();
    const [row] = await asking.mailbox.read(sql`
      select message_id from placements where folder_id = ${folderId('INBOX')}
        and hidden_at is null order by uid desc limit 1`);
    return row!['message_id'] as string;
  }

  const wishes: [string, (messageId: string) => AskedIntent][] = [
    ['flags', (messageId) => ({ kind: 'flags', messageId, addFlags: mailFlags.flagged })],
    ['a move', (messageId) => ({ kind: 'move', messageId, folderId: folderId('Archive') })],
    ['a deletion', (messageId) => ({ kind: 'delete', messageId })],
    ['a new folder', () => ({ kind: 'create-folder', content: { path: [`New ${counter}`] } })],
  ];
  const cases = wishes.flatMap(([what, wish]) =>
    Object.entries(deaths).map(([when, death]) => ({ what, wish, when, death })),
  );

  it.each(cases)('$what: $when', async ({ what, wish, death }) => {
    const messageId = await arrive();
    const copies = await messagesOnServer(asking);
    const id = await asking.ask(wish(messageId));
    const mail = overridingWriter(asking.mailbox.deps.mail, death);
    const outcome = await asking.live({ mail }).catch((error: unknown) => error);
    expect(outcome).toSatisfy(isDeath);
    const pending = sql`select state, attempts from intents where id = ${id}`;
    expect(await asking.mailbox.read(pending)).toEqual([{ state: 'pending', attempts: 1 }]);
    await asking.settle();
    const [row] = await asking.mailbox.read(
      sql`select state, reason from intents where id = ${id}`,
    );
    expect(row).toEqual({ state: 'done', reason: null });
    expect(await asking.differences()).toEqual([]);
    expect(await messagesOnServer(asking)).toBe(copies - (what === 'a deletion' ? 1 : 0));
    const places = await asking.mailbox.read(sql`
      select folder_id, flags from placements
      where message_id = ${messageId} and hidden_at is null`);
    expect(places).toEqual(
      what === 'a deletion'
        ? []
        : [
            {
              folder_id: folderId(what === 'a move' ? 'Archive' : 'INBOX'),
              flags: what === 'flags' ? mailFlags.flagged : 0,
            },
          ],
    );
  });

  it.each(Object.entries(deaths))('a folder renamed, then deleted: %s', async (_, death) => {
    counter += 1;
    await asking.other.mailboxCreate(`Empty ${counter}`);
    await asking.settle();
    const folder = folderId(`Empty ${counter}`);
    const mail = overridingWriter(asking.mailbox.deps.mail, death);
    const dyingOnce = async (intent: AskedIntent) => {
      const id = await asking.ask(intent);
      const outcome = await asking.live({ mail }).catch((error: unknown) => error);
      expect(outcome).toSatisfy(isDeath);
      await asking.settle();
      const [row] = await asking.mailbox.read(
        sql`select state, reason, folder_id from intents where id = ${id}`,
      );
      expect(row).toEqual({ state: 'done', reason: null, folder_id: folder });
      expect(await asking.differences()).toEqual([]);
    };
    const path = [`Renamed ${counter}`];
    await dyingOnce({ kind: 'rename-folder', folderId: folder, content: { path } });
    await dyingOnce({ kind: 'delete-folder', folderId: folder });
    const [row] = await asking.mailbox.read(
      sql`select hidden_at is not null as hidden from folders where id = ${folder}`,
    );
    expect(row).toEqual({ hidden: true });
  });

  it('dies when the effect is stored and not yet noted', async () => {
    const messageId = await arrive();
    const id = await asking.ask({ kind: 'move', messageId, folderId: folderId('Archive') });
    await refuseNotes(asking, id);
    await expect(asking.live()).rejects.toThrow(/update intents/);
    const state = sql`select state, attempts from intents where id = ${id}`;
    expect(await asking.mailbox.read(state)).toEqual([{ state: 'pending', attempts: 1 }]);
    const places = sql`select folder_id from placements
      where message_id = ${messageId} and hidden_at is null`;
    expect(await asking.mailbox.read(places)).toEqual([{ folder_id: folderId('Archive') }]);
    const copies = await messagesOnServer(asking);
    await allowNotes(asking);
    await asking.settle();
    expect(await asking.mailbox.read(state)).toMatchObject([{ state: 'done' }]);
    expect(await asking.mailbox.read(places)).toEqual([{ folder_id: folderId('Archive') }]);
    expect(await messagesOnServer(asking)).toBe(copies);
    expect(await asking.differences()).toEqual([]);
  });

  it('an intent that kills every slice is given up, and the others go on', async () => {
    const [poison, healthy] = [await arrive(), await arrive()];
    const archive = folderId('Archive');
    const poisoned = await asking.ask({ kind: 'move', messageId: poison, folderId: archive });
    const fine = await asking.ask({ kind: 'flags', messageId: healthy, addFlags: mailFlags.seen });
    const mail = overridingWriter(asking.mailbox.deps.mail, (write) => ({
      ...write,
      move: () => Promise.reject(answerLost()),
    }));
    const outcomes: string[] = [];
    for (let slices = 0; slices < 6; slices += 1) {
      outcomes.push((await asking.live({ mail })).outcome);
    }
    expect(outcomes).toEqual([...Array.from({ length: 5 }, () => 'failed'), 'done']);
    const rows = await asking.mailbox.read(sql`
      select id, state, reason from intents where id in (${poisoned}, ${fine}) order by position`);
    expect(rows).toEqual([
      { id: poisoned, state: 'refused', reason: 'imap-connection-lost' },
      { id: fine, state: 'done', reason: null },
    ]);
  });
});

async function messagesOnServer({ dovecot }: AskingMailbox): Promise<number> {
  const client = await dovecot.imap();
  let messages = 0;
  for (const { path } of await client.list()) {
    const status = await client.status(path, { messages: true });
    messages += (status && status.messages) || 0;
  }
  await client.logout();
  return messages;
}

/** From now on the transaction that would note this intent as done is rolled back. */
async function refuseNotes({ mailbox }: AskingMailbox, id: string): Promise<void> {
  await mailbox.base.owner.sql.unsafe(`
    create function refuse_note() returns trigger language plpgsql as $$
      begin raise exception 'killed'; end $$;
    create trigger refuse_note before update on intents for each row
      when (new.id = '${id}' and new.state = 'done') execute function refuse_note()`);
}

async function allowNotes({ mailbox }: AskingMailbox): Promise<void> {
  await mailbox.base.owner.sql.unsafe(
    'drop trigger refuse_note on intents; drop function refuse_note()',
  );
}
