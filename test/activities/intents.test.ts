import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CapabilityLevel } from '../support/dovecot.ts';
import { ProviderFailure, unexplainedCode } from '../../domain/failure.ts';
import { mailFlags } from '../../domain/mail.ts';
import { overridingWriter } from '../support/overriding-writer.ts';
import { startAskingMailbox, type AskingMailbox } from '../support/asking-mailbox.ts';

const levels: CapabilityLevel[] = ['qresync', 'condstore', 'uidplus', 'plain'];

describe.each(levels)('writing back to a %s server', (level) => {
  const removes = level !== 'plain';
  let mailbox: AskingMailbox;
  let counter = 0;

  beforeAll(async () => {
    mailbox = await startAskingMailbox(level);
    for (const name of ['Archive', 'Trash']) await mailbox.other.mailboxCreate(name);
    await mailbox.settle();
  });
  afterAll(() => mailbox[Symbol.asyncDispose]());

  let inbox: string;
  let archive: string;
  beforeEach(async () => {
    inbox = await folderId('INBOX');
    archive = await folderId('Archive');
  });

  async function folderId(ref: string): Promise<string> {
    return mailbox.mailbox.vault.index('folder', mailbox.mailbox.licence.connectionId, ref);
  }

  /** A new message in the inbox; returns its id in the store and its UID. */
  async function arrive(flags: string[] = []): Promise<{ id: string; uid: number }> {
    counter += 1;
    const text = `Subject: No. ${counter}\r\nMessage-ID: <${counter}@x>\r\n\r\nhello ${counter}\r\n`;
    await mailbox.other.append('INBOX', text, flags);
    await mailbox.settle();
    const [row] = await mailbox.mailbox.read(sql`
      select message_id, uid::int from placements where folder_id = ${inbox} and hidden_at is null
      order by uid desc limit 1`);
    return { id: row!['message_id'] as string, uid: row!['uid'] as number };
  }

  const placesOf = async (id: string) =>
    await mailbox.mailbox.read(sql`
      select p.folder_id, p.flags, p.uid::int from placements p
      where p.message_id = ${id} and p.hidden_at is null order by p.folder_id, p.uid`);

  const stateOf = async (id: string) => {
    const [row] = await mailbox.mailbox.read(
      sql`select state, reason from intents where id = ${id}`,
    );
    return row;
  };
  const done = { state: 'done', reason: null };
  const refused = (reason: string) => ({ state: 'refused', reason });

  it('sets flags and keywords, and stores what the server shows, in the same slice', async () => {
    const { id } = await arrive(['$Old']);
    const first = await mailbox.ask({
      ...{ kind: 'flags', messageId: id, addFlags: mailFlags.seen },
      content: { addKeywords: ['$New'], removeKeywords: ['$Old'] },
    });
    const second = await mailbox.ask({
      ...{ kind: 'flags', messageId: id },
      ...{ addFlags: mailFlags.flagged, removeFlags: mailFlags.seen },
    });
    const report = await mailbox.live();
    expect(report.outcome).toBe('done');
    expect([await stateOf(first), await stateOf(second)]).toEqual([done, done]);
    expect(await placesOf(id)).toMatchObject([{ flags: mailFlags.flagged }]);
    expect(await mailbox.differences()).toEqual([]);
  });

  it('carries out a bulk change in a few commands', async () => {
    const { id } = await arrive();
    const ids = [id];
    for (let i = 0; i < 5; i += 1) ids.push((await arrive()).id);
    for (const messageId of ids) {
      await mailbox.ask({ kind: 'flags', messageId, addFlags: mailFlags.seen });
    }
    let calls = 0;
    await mailbox.live({
      mail: overridingWriter(mailbox.mailbox.deps.mail, (write) => ({
        ...write,
        changeFlags: (request) => {
          calls += 1;
          return write.changeFlags(request);
        },
      })),
    });
    expect(calls).toBe(1);
    expect(await mailbox.differences()).toEqual([]);
  });

  it('moves a message, which keeps its id', async () => {
    const { id } = await arrive();
    const intent = await mailbox.ask({ kind: 'move', messageId: id, folderId: archive });
    await mailbox.live();
    expect(await stateOf(intent)).toEqual(removes ? done : refused('imap-removal-unsupported'));
    await mailbox.settle();
    const expected = removes ? archive : inbox;
    expect(await placesOf(id)).toMatchObject([{ folder_id: expected }]);
    expect(await mailbox.differences()).toEqual([]);
  });

  it('deletes for good, and not what others have marked', async () => {
    const [ours, theirs] = [await arrive(), await arrive()];
    await mailbox.other.mailboxOpen('INBOX');
    await mailbox.other.messageFlagsAdd(String(theirs.uid), ['\\Deleted'], { uid: true });
    const flags = await mailbox.ask({ kind: 'flags', messageId: ours.id, addFlags: 1 });
    const intent = await mailbox.ask({ kind: 'delete', messageId: ours.id });
    await mailbox.settle();
    expect(await stateOf(flags)).toEqual(done);
    expect(await stateOf(intent)).toEqual(removes ? done : refused('imap-removal-unsupported'));
    expect(await placesOf(ours.id)).toHaveLength(removes ? 0 : 1);
    expect(await placesOf(theirs.id)).toHaveLength(1);
    expect(await mailbox.differences()).toEqual([]);
  });

  it('follows a message that another client has moved meanwhile', async () => {
    const { id, uid } = await arrive();
    await mailbox.other.mailboxOpen('INBOX');
    await mailbox.other.messageMove(String(uid), 'Archive', { uid: true });
    const intent = await mailbox.ask({ kind: 'flags', messageId: id, addFlags: mailFlags.flagged });
    await mailbox.settle();
    expect(await stateOf(intent)).toEqual(done);
    expect(await placesOf(id)).toMatchObject([{ folder_id: archive, flags: mailFlags.flagged }]);
    expect(await mailbox.differences()).toEqual([]);
  });

  it.each([
    { times: 1, state: done },
    { times: 2, state: refused(unexplainedCode) },
  ])(
    'takes a refusal without a reason at its word the second time: $times',
    async ({ times, state }) => {
      const { id } = await arrive();
      let left = { flags: times, folder: times };
      const refuse = (what: 'flags' | 'folder') => {
        left = { ...left, [what]: left[what] - 1 };
        if (left[what] >= 0)
          throw new ProviderFailure('invalid-request', 'No.', { code: unexplainedCode });
      };
      const flags = await mailbox.ask({ kind: 'flags', messageId: id, addFlags: mailFlags.seen });
      const path = [`Refused ${counter}`];
      const folder = await mailbox.ask({ kind: 'create-folder', content: { path } });
      const mail = overridingWriter(mailbox.mailbox.deps.mail, (write) => ({
        ...write,
        changeFlags: async (request) => {
          refuse('flags');
          return await write.changeFlags(request);
        },
        createFolder: async (request) => {
          refuse('folder');
          return await write.createFolder(request);
        },
      }));
      expect(await mailbox.live({ mail })).toMatchObject({ outcome: 'more' });
      await mailbox.live({ mail });
      expect([await stateOf(flags), await stateOf(folder)]).toEqual([state, state]);
      await mailbox.settle();
      expect(await mailbox.differences()).toEqual([]);
    },
  );

  it('refuses what is asked of a message that is gone, and never brings it back', async () => {
    const { id, uid } = await arrive();
    await mailbox.other.mailboxOpen('INBOX');
    await mailbox.other.messageDelete(String(uid), { uid: true });
    const flags = await mailbox.ask({ kind: 'flags', messageId: id, addFlags: mailFlags.seen });
    const move = await mailbox.ask({ kind: 'move', messageId: id, folderId: archive });
    await mailbox.settle();
    const gone = refused(removes ? 'message-gone' : 'imap-removal-unsupported');
    expect(await stateOf(flags)).toEqual(refused('message-gone'));
    expect([refused('message-gone'), gone]).toContainEqual(await stateOf(move));
    expect(await placesOf(id)).toEqual([]);
    expect(await mailbox.differences()).toEqual([]);
  });

  it('makes, renames and deletes folders', async () => {
    const made = await mailbox.ask({
      kind: 'create-folder',
      content: { path: ['Made', 'Inside'] },
    });
    await mailbox.live();
    expect(await stateOf(made)).toEqual(done);
    const [row] = await mailbox.mailbox.read(sql`select folder_id from intents where id = ${made}`);
    const id = row!['folder_id'] as string;
    expect(id).toBe(await folderId('Made.Inside'));
    const renamed = await mailbox.ask({
      ...{ kind: 'rename-folder', folderId: id },
      content: { path: ['Made', 'Other'] },
    });
    await mailbox.settle();
    expect(await stateOf(renamed)).toEqual(done);
    expect(await mailbox.differences()).toEqual([]);
    // Nothing lies in it that would show that it is the same: our own wish does.
    const [other] = await mailbox.mailbox.read(
      sql`select folder_id from intents where id = ${renamed}`,
    );
    expect(other).toEqual({ folder_id: id });
    const deleted = await mailbox.ask({ kind: 'delete-folder', folderId: id });
    await mailbox.settle();
    expect(await stateOf(deleted)).toEqual(done);
    expect((await mailbox.other.list()).map(({ path }) => path)).not.toContain('Made.Other');
    expect(await mailbox.differences()).toEqual([]);
  });
});
