import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noFlagsChange } from '../../../domain/intent.ts';
import { mailFlags } from '../../../domain/mail.ts';
import type { MailSession, RemoteCollection } from '../../../domain/provider.ts';
import { startDovecot, type CapabilityLevel } from '../../support/dovecot.ts';
import { appendMany, dovecotAccount, findCollection, localProvider } from './support.ts';

const levels: CapabilityLevel[] = ['qresync', 'condstore', 'uidplus', 'plain'];

interface Writing extends AsyncDisposable {
  session: MailSession;
  admin: ImapFlow;
  find(ref: string): Promise<RemoteCollection>;
  folder(name: string, messages?: number): Promise<RemoteCollection>;
  /** UIDs and flags of a folder, as another client sees them. */
  seen(name: string): Promise<[number, string[]][]>;
}

async function startWriting(capabilities: CapabilityLevel): Promise<Writing> {
  const provider = localProvider();
  const dovecot = await startDovecot({ capabilities });
  const admin = await dovecot.imap();
  const session = await provider.connect(dovecotAccount(dovecot));
  const find = (ref: string) => findCollection(session, ref);
  return {
    ...{ session, admin, find },
    folder: async (name, messages = 5) => {
      await admin.mailboxCreate(name);
      await appendMany(admin, name, messages);
      return await find(name);
    },
    seen: async (name) => {
      await admin.mailboxOpen(name);
      if (admin.mailbox && admin.mailbox.exists === 0) return [];
      const rows = await admin.fetchAll('1:*', { uid: true, flags: true }, { uid: true });
      const plain = (flags: Set<string>) => [...flags].filter((flag) => flag !== '\\Recent');
      return rows.map(({ uid, flags }) => [uid, plain(flags ?? new Set()).toSorted()]);
    },
    [Symbol.asyncDispose]: async () => {
      await session[Symbol.asyncDispose]();
      await provider.close();
      await admin.logout();
      await dovecot.stop();
    },
  };
}

describe.each(levels)('writing at a %s server', (level) => {
  const hasModseq = level === 'qresync' || level === 'condstore';
  let writing: Writing;
  beforeAll(async () => {
    writing = await startWriting(level);
  });
  afterAll(() => writing[Symbol.asyncDispose]());

  test('flags and keywords are added and removed, others’ stay', async () => {
    const collection = await writing.folder('Flags');
    await writing.admin.mailboxOpen('Flags');
    await writing.admin.messageFlagsAdd('1:2', ['\\Flagged', '$Theirs', '$Gone'], { uid: true });
    const change = {
      addFlags: mailFlags.seen,
      removeFlags: mailFlags.flagged,
      addKeywords: ['$Ours'],
      removeKeywords: ['$Gone'],
    };
    const shown = await writing.session.write.changeFlags({ collection, uids: [1, 2, 99], change });
    expect(shown.map(({ uid, flags, keywords }) => [uid, flags, keywords.toSorted()])).toEqual([
      [1, mailFlags.seen, ['$Ours', '$Theirs']],
      [2, mailFlags.seen, ['$Ours', '$Theirs']],
    ]);
    expect(shown.every(({ version }) => version > 0n)).toBe(hasModseq);
    const again = await writing.session.write.changeFlags({ collection, uids: [1, 2], change });
    expect(again.map(({ flags }) => flags)).toEqual([mailFlags.seen, mailFlags.seen]);
    expect((await writing.seen('Flags'))[0]).toEqual([1, ['$Ours', '$Theirs', '\\Seen']]);
  });

  test('messages that are gone are missing from the answer', async () => {
    const collection = await writing.folder('Lost', 1);
    const change = { ...noFlagsChange, addFlags: mailFlags.seen };
    expect(await writing.session.write.changeFlags({ collection, uids: [7], change })).toEqual([]);
  });

  test('a move into a folder that is gone is refused', async () => {
    const collection = await writing.folder('Stays');
    const target = { ...collection, ref: 'Nowhere', uidValidity: undefined };
    const request = { collection, target, uids: [1], copiesFrom: null };
    await expect(writing.session.write.move(request)).rejects.toMatchObject(
      level === 'plain'
        ? { kind: 'invalid-request', code: 'imap-removal-unsupported' }
        : { kind: 'not-found', code: 'imap-folder-missing' },
    );
    expect(await writing.seen('Stays')).toHaveLength(5);
  });

  test('what others have marked as deleted is never expunged', async () => {
    const collection = await writing.folder('Shared');
    await writing.admin.mailboxOpen('Shared');
    await writing.admin.messageFlagsAdd('1', ['\\Deleted'], { uid: true });
    const deletion = writing.session.write.delete({ collection, uids: [2, 3, 99] });
    const outcome = await deletion.catch(({ code }: { code: string }) => code);
    expect(outcome).toEqual(level === 'plain' ? 'imap-removal-unsupported' : { gone: [2, 3] });
    const change = { ...noFlagsChange, addFlags: mailFlags.flagged };
    await writing.session.write.changeFlags({ collection, uids: [4], change });
    // The listing closes the folder that is open, and CLOSE expunges where it may write.
    await writing.session.collections();
    const left = (await writing.seen('Shared')).map(([uid]) => uid);
    expect(left).toEqual(level === 'plain' ? [1, 2, 3, 4, 5] : [1, 4, 5]);
  });

  test('folders are made, renamed and deleted; doing it again is no failure', async () => {
    const { write } = writing.session;
    expect(await write.createFolder(['Made', 'Grüße & more'])).toEqual(['Made', 'Grüße & more']);
    await write.createFolder(['Made', 'Grüße & more']);
    const made = await writing.find('Made.Grüße & more');
    expect(await write.renameFolder(made, ['Made', 'Other'])).toEqual(['Made', 'Other']);
    await expect(write.renameFolder(made, ['Made', 'Other'])).rejects.toMatchObject({
      kind: 'not-found',
    });
    const other = await writing.find('Made.Other');
    await write.deleteFolder(other);
    await write.deleteFolder(other);
    const refs = (await writing.session.collections()).map(({ ref }) => ref);
    expect(refs.filter((ref) => ref.startsWith('Made'))).toEqual([]);
  });

  test('it is known beforehand what can be changed', () => {
    const removals = level === 'plain' ? [] : ['move', 'delete'];
    expect(writing.session.abilities).toEqual(['flags', 'folders', ...removals]);
  });

  test('what no keyword can be is refused, and never sent', async () => {
    const collection = await writing.folder('Words', 1);
    for (const word of ['two words', 'Später', '\\Inbox']) {
      const change = { ...noFlagsChange, addKeywords: [word] };
      const stored = writing.session.write.changeFlags({ collection, uids: [1], change });
      await expect(stored).rejects.toMatchObject({ code: 'imap-flag-not-kept' });
    }
    const change = { ...noFlagsChange, addKeywords: ['$Fine'], removeKeywords: ['two words'] };
    const [shown] = await writing.session.write.changeFlags({ collection, uids: [1], change });
    expect(shown!.keywords).toEqual(['$Fine']);
  });

  test('refusals are told apart', async () => {
    const { write } = writing.session;
    const one = await writing.folder('One', 0);
    await writing.folder('Two', 0);
    await expect(write.renameFolder(one, ['Two'])).rejects.toMatchObject({
      kind: 'conflict',
      code: 'imap-folder-exists',
    });
    await expect(write.createFolder(['a.b'])).rejects.toMatchObject({
      kind: 'invalid-request',
      code: 'imap-folder-name-invalid',
    });
    // The session is as good as before.
    expect((await writing.find('One')).messages).toBe(0);
  });

  test('a folder that was renumbered is not touched', async () => {
    const collection = await writing.folder('Old', 2);
    const stale = { ...collection, uidValidity: '1' };
    const change = { ...noFlagsChange, addFlags: mailFlags.seen };
    await expect(
      writing.session.write.changeFlags({ collection: stale, uids: [1], change }),
    ).rejects.toMatchObject({ kind: 'cursor-expired' });
    expect((await writing.seen('Old')).map(([, flags]) => flags)).toEqual([[], []]);
  });
});

const moving: CapabilityLevel[] = ['qresync', 'condstore', 'uidplus'];

describe.each(moving)('moving at a %s server', (level) => {
  let writing: Writing;
  beforeAll(async () => {
    writing = await startWriting(level);
  });
  afterAll(() => writing[Symbol.asyncDispose]());

  test('messages move, and the answer says where to', async () => {
    const collection = await writing.folder('From');
    const target = await writing.folder('To', 2);
    const outcome = await writing.session.write.move({
      ...{ collection, target, uids: [2, 4, 99] },
      copiesFrom: null,
    });
    expect(outcome.moved).toEqual([
      { uid: 2, newUid: 3 },
      { uid: 4, newUid: 4 },
    ]);
    expect((await writing.seen('From')).map(([uid]) => uid)).toEqual([1, 3, 5]);
    expect((await writing.seen('To')).map(([uid]) => uid)).toEqual([1, 2, 3, 4]);
    const repeated = { collection, target, uids: [2, 4], copiesFrom: null };
    expect((await writing.session.write.move(repeated)).moved).toEqual([]);
    expect(await writing.seen('To')).toHaveLength(4);
  });
});

describe('a move', () => {
  test('a copy that was made already is not made again', async () => {
    await using writing = await startWriting('uidplus');
    const collection = await writing.folder('Half');
    const target = await writing.folder('Whole', 5);
    const copiesFrom = await writing.session.write.copiesFrom(target);
    expect(copiesFrom).toBe(6);
    // As far as an attempt came that was cut off: copied, not yet removed.
    await writing.admin.mailboxOpen('Half');
    await writing.admin.messageCopy('3', 'Whole', { uid: true });
    const outcome = await writing.session.write.move({
      collection,
      target,
      uids: [3, 4],
      copiesFrom,
    });
    expect(outcome.moved).toEqual([
      { uid: 3, newUid: 6 },
      { uid: 4, newUid: 7 },
    ]);
    expect(await writing.seen('Whole')).toHaveLength(7);
    expect((await writing.seen('Half')).map(([uid]) => uid)).toEqual([1, 2, 5]);
  });

  test.each(['qresync', 'plain'] as const)('is one step at a %s server, or none', async (level) => {
    await using writing = await startWriting(level);
    expect(await writing.session.write.copiesFrom(await writing.find('INBOX'))).toBeNull();
  });
});
