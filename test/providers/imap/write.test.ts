import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noFlagsChange } from '../../../domain/intent.ts';
import { mailFlags } from '../../../domain/mail.ts';
import type { MailSession } from '../../../domain/provider.ts';
import { startDovecot, type CapabilityLevel, type Dovecot } from '../../support/dovecot.ts';
import { appendMany, dovecotAccount, findCollection, localProvider } from './support.ts';

const levels: CapabilityLevel[] = ['qresync', 'condstore', 'uidplus', 'plain'];

describe.each(levels)('writing at a %s server', (level) => {
  const provider = localProvider();
  let dovecot: Dovecot;
  let admin: ImapFlow;
  let session: MailSession;

  beforeAll(async () => {
    dovecot = await startDovecot({ capabilities: level });
    admin = await dovecot.imap();
    session = await provider.connect(dovecotAccount(dovecot));
  });
  afterAll(async () => {
    await session[Symbol.asyncDispose]();
    await provider.close();
    await admin.logout();
    await dovecot.stop();
  });

  const hasModseq = level === 'qresync' || level === 'condstore';
  const find = (ref: string) => findCollection(session, ref);

  async function folder(name: string, messages = 5) {
    await admin.mailboxCreate(name);
    await appendMany(admin, name, messages);
    return await find(name);
  }

  /** UIDs and flags of a folder, as another client sees them. */
  async function seen(name: string): Promise<[number, string[]][]> {
    await admin.mailboxOpen(name);
    if (admin.mailbox && admin.mailbox.exists === 0) return [];
    const rows = await admin.fetchAll('1:*', { uid: true, flags: true }, { uid: true });
    const plain = (flags: Set<string>) => [...flags].filter((flag) => flag !== '\\Recent');
    return rows.map(({ uid, flags }) => [uid, plain(flags ?? new Set()).toSorted()]);
  }

  test('flags and keywords are added and removed, others’ stay', async () => {
    const collection = await folder('Flags');
    await admin.mailboxOpen('Flags');
    await admin.messageFlagsAdd('1:2', ['\\Flagged', '$Theirs', '$Gone'], { uid: true });
    const change = {
      addFlags: mailFlags.seen,
      removeFlags: mailFlags.flagged,
      addKeywords: ['$Ours'],
      removeKeywords: ['$Gone'],
    };
    const shown = await session.write.changeFlags({ collection, uids: [1, 2, 99], change });
    expect(shown.map(({ uid, flags, keywords }) => [uid, flags, keywords.toSorted()])).toEqual([
      [1, mailFlags.seen, ['$Ours', '$Theirs']],
      [2, mailFlags.seen, ['$Ours', '$Theirs']],
    ]);
    expect(shown.every(({ version }) => version > 0n)).toBe(hasModseq);
    const again = await session.write.changeFlags({ collection, uids: [1, 2], change });
    expect(again.map(({ flags }) => flags)).toEqual([mailFlags.seen, mailFlags.seen]);
    expect((await seen('Flags'))[0]).toEqual([1, ['$Ours', '$Theirs', '\\Seen']]);
  });

  test('messages that are gone are missing from the answer', async () => {
    const collection = await folder('Lost', 1);
    const change = { ...noFlagsChange, addFlags: mailFlags.seen };
    expect(await session.write.changeFlags({ collection, uids: [7], change })).toEqual([]);
  });

  if (level !== 'plain') {
    test('messages move, and the answer says where to', async () => {
      const collection = await folder('From');
      const target = await folder('To', 2);
      const outcome = await session.write.move({
        ...{ collection, target, uids: [2, 4, 99] },
        copiesFrom: null,
      });
      expect(outcome.moved).toEqual([
        { uid: 2, newUid: 3 },
        { uid: 4, newUid: 4 },
      ]);
      expect((await seen('From')).map(([uid]) => uid)).toEqual([1, 3, 5]);
      expect((await seen('To')).map(([uid]) => uid)).toEqual([1, 2, 3, 4]);
      const repeated = { collection, target, uids: [2, 4], copiesFrom: null };
      expect((await session.write.move(repeated)).moved).toEqual([]);
      expect(await seen('To')).toHaveLength(4);
    });
  }

  if (level === 'uidplus') {
    test('a copy that was made already is not made again', async () => {
      const collection = await folder('Half');
      const target = await folder('Whole', 5);
      const copiesFrom = await session.write.copiesFrom(target);
      expect(copiesFrom).toBe(6);
      // As far as an attempt came that was cut off: copied, not yet removed.
      await admin.mailboxOpen('Half');
      await admin.messageCopy('3', 'Whole', { uid: true });
      const outcome = await session.write.move({ collection, target, uids: [3, 4], copiesFrom });
      expect(outcome.moved).toEqual([
        { uid: 3, newUid: 6 },
        { uid: 4, newUid: 7 },
      ]);
      expect(await seen('Whole')).toHaveLength(7);
      expect((await seen('Half')).map(([uid]) => uid)).toEqual([1, 2, 5]);
    });
  }

  if (level !== 'uidplus') {
    test('a move is one step, or none at all', async () => {
      expect(await session.write.copiesFrom(await find('INBOX'))).toBeNull();
    });
  }

  test('a move into a folder that is gone is refused', async () => {
    const collection = await folder('Stays');
    const target = { ...collection, ref: 'Nowhere', uidValidity: undefined };
    const request = { collection, target, uids: [1], copiesFrom: null };
    await expect(session.write.move(request)).rejects.toMatchObject(
      level === 'plain'
        ? { kind: 'invalid-request', code: 'imap-removal-unsupported' }
        : { kind: 'not-found', code: 'imap-folder-missing' },
    );
    expect(await seen('Stays')).toHaveLength(5);
  });

  test('what others have marked as deleted is never expunged', async () => {
    const collection = await folder('Shared');
    await admin.mailboxOpen('Shared');
    await admin.messageFlagsAdd('1', ['\\Deleted'], { uid: true });
    const deletion = session.write.delete({ collection, uids: [2, 3, 99] });
    if (level === 'plain') {
      await expect(deletion).rejects.toMatchObject({ code: 'imap-removal-unsupported' });
    } else {
      expect(await deletion).toEqual({ gone: [2, 3, 99] });
    }
    const change = { ...noFlagsChange, addFlags: mailFlags.flagged };
    await session.write.changeFlags({ collection, uids: [4], change });
    // The listing closes the folder that is open, and CLOSE expunges where it may write.
    await session.collections();
    const left = (await seen('Shared')).map(([uid]) => uid);
    expect(left).toEqual(level === 'plain' ? [1, 2, 3, 4, 5] : [1, 4, 5]);
  });

  test('folders are made, renamed and deleted; doing it again is no failure', async () => {
    const { write } = session;
    expect(await write.createFolder(['Made', 'Grüße & more'])).toEqual(['Made', 'Grüße & more']);
    await write.createFolder(['Made', 'Grüße & more']);
    const made = await find('Made.Grüße & more');
    expect(await write.renameFolder(made, ['Made', 'Other'])).toEqual(['Made', 'Other']);
    await expect(write.renameFolder(made, ['Made', 'Other'])).rejects.toMatchObject({
      kind: 'not-found',
    });
    const other = await find('Made.Other');
    await write.deleteFolder(other);
    await write.deleteFolder(other);
    const refs = (await session.collections()).map(({ ref }) => ref);
    expect(refs.filter((ref) => ref.startsWith('Made'))).toEqual([]);
  });

  test('refusals are told apart', async () => {
    const { write } = session;
    const one = await folder('One', 0);
    await folder('Two', 0);
    await expect(write.renameFolder(one, ['Two'])).rejects.toMatchObject({
      kind: 'conflict',
      code: 'imap-folder-exists',
    });
    await expect(write.createFolder(['a.b'])).rejects.toMatchObject({
      kind: 'invalid-request',
      code: 'imap-folder-name-invalid',
    });
    // The session is as good as before.
    expect((await find('One')).messages).toBe(0);
  });

  test('a folder that was renumbered is not touched', async () => {
    const collection = await folder('Old', 2);
    const stale = { ...collection, uidValidity: '1' };
    const change = { ...noFlagsChange, addFlags: mailFlags.seen };
    await expect(
      session.write.changeFlags({ collection: stale, uids: [1], change }),
    ).rejects.toMatchObject({ kind: 'cursor-expired' });
    expect((await seen('Old')).map(([, flags]) => flags)).toEqual([[], []]);
  });
});
