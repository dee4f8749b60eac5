import { rmSync } from 'node:fs';
import path from 'node:path';
import type { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChangePage, Cursor, MailSession } from '../../../domain/provider.ts';
import { startDovecot, type CapabilityLevel, type Dovecot } from '../../support/dovecot.ts';
import {
  appendMany,
  dovecotAccount,
  knownItems,
  localProvider,
  readChanges,
  uidsOf,
} from './support.ts';

describe.each<CapabilityLevel>(['qresync', 'condstore', 'plain'])(
  'changes at a %s server',
  (level) => {
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

    /** A folder of ten messages, the store's view of it, and the position. */
    async function folder(name: string): Promise<{ cursor: Cursor; known: typeof ten }> {
      await admin.mailboxCreate(name);
      await appendMany(admin, name, 10);
      const pages = await readChanges(session, name, { cursor: null });
      expect(pages).toHaveLength(1);
      expect(pages[0]).toMatchObject({ messages: [], more: false, renumbered: false });
      expect(pages[0]?.cursor).toMatchObject({ uidNext: 11, messages: 10 });
      await admin.mailboxOpen(name);
      return { cursor: pages[0]!.cursor, known: ten };
    }
    const ten = Array.from({ length: 10 }, (_, i) => ({ uid: i + 1, flags: 0 }));

    const everything = (pages: ChangePage[]) => ({
      new: uidsOf(pages),
      flags: pages.flatMap((page) => page.flagChanges.map(({ uid, flags }) => [uid, flags])),
      vanished: pages.flatMap((page) => page.vanished),
      failures: pages.flatMap((page) => page.failures),
    });
    const nothing = { new: [], flags: [], vanished: [], failures: [] };

    test('nothing happened', async () => {
      const { cursor, known } = await folder('Quiet');
      for (const depth of ['quick', 'full'] as const) {
        const pages = await readChanges(session, 'Quiet', {
          cursor,
          known: knownItems(known),
          depth,
        });
        expect(everything(pages)).toEqual(nothing);
        expect(pages.at(-1)).toMatchObject({ more: false, cursor });
      }
    });

    test('new mail comes in ascending pages, once', async () => {
      const { cursor, known } = await folder('New');
      await appendMany(admin, 'New', 16);
      const pages = await readChanges(session, 'New', { cursor, known: knownItems(known) });
      const fresh = Array.from({ length: 16 }, (_, i) => i + 11);
      expect(everything(pages)).toEqual({ ...nothing, new: fresh });
      const again = await readChanges(session, 'New', { cursor: pages.at(-1)!.cursor });
      expect(everything(again)).toEqual(nothing);
      // A slice that is cut short after the first page goes on behind it.
      const rest = await readChanges(session, 'New', {
        cursor: pages[0]!.cursor,
        known: knownItems(known),
      });
      expect(everything(rest)).toMatchObject({ new: fresh.slice(7), vanished: [], failures: [] });
    });

    test('changed flags', async () => {
      const { cursor, known } = await folder('Flags');
      await admin.messageFlagsAdd('3,7', ['\\Seen', '$Label1'], { uid: true });
      const pages = await readChanges(session, 'Flags', { cursor, known: knownItems(known) });
      expect(everything(pages)).toEqual({
        ...nothing,
        flags: [
          [3, 1],
          [7, 1],
        ],
      });
      const change = pages.flatMap((page) => page.flagChanges)[0];
      expect(change?.keywords).toEqual(['$Label1']);
      expect(change?.version === 0n).toBe(level === 'plain');
    });

    test('flags that no counter shows are found by a full comparison', async () => {
      const { cursor, known } = await folder('Hidden');
      await admin.messageFlagsAdd('5', ['\\Flagged'], { uid: true });
      const depth = level === 'plain' ? ('full' as const) : ('quick' as const);
      const pages = await readChanges(session, 'Hidden', {
        cursor,
        known: knownItems(known),
        depth,
      });
      expect(everything(pages)).toEqual({ ...nothing, flags: [[5, 4]] });
    });

    test('keywords that change alone', async () => {
      const { cursor } = await folder('Words');
      await admin.messageFlagsAdd('2,3', ['later', 'urgent'], { uid: true });
      const stored = ten.map((item) => ({ ...item, keywords: item.uid === 2 ? ['later'] : [] }));
      stored[2]!.keywords = ['urgent', 'later'];
      const depth = level === 'plain' ? ('full' as const) : ('quick' as const);
      const pages = await readChanges(session, 'Words', {
        cursor,
        known: knownItems(stored),
        depth,
      });
      const changes = pages.flatMap((page) => page.flagChanges);
      // Who has mod-sequences tells both; who compares knows that one of them is stored already.
      expect(changes.map(({ uid }) => uid)).toEqual(level === 'plain' ? [2] : [2, 3]);
      expect(changes[0]?.keywords.toSorted()).toEqual(['later', 'urgent']);
    });

    test('expunged messages, new ones beside them', async () => {
      const { cursor, known } = await folder('Gone');
      await admin.messageDelete('2,9:10', { uid: true });
      await appendMany(admin, 'Gone', 3);
      const pages = await readChanges(session, 'Gone', { cursor, known: knownItems(known) });
      expect(everything(pages)).toEqual({ ...nothing, new: [11, 12, 13], vanished: [2, 9, 10] });
      const gone = pages.filter((page) => page.vanished.length > 0);
      expect(gone.map((page) => page.inferred)).toEqual([level !== 'qresync']);
      expect(pages.at(-1)?.cursor).toMatchObject({ uidNext: 14, messages: 10 });
      expect(pages.slice(0, -1).every((page) => page.more)).toBe(true);
    });

    test('a message that came and went in between leaves no trace', async () => {
      const { cursor, known } = await folder('Brief');
      await appendMany(admin, 'Brief', 2);
      await admin.mailboxOpen('Brief');
      await admin.messageDelete('11', { uid: true });
      const pages = await readChanges(session, 'Brief', { cursor, known: knownItems(known) });
      expect(everything(pages)).toEqual({ ...nothing, new: [12] });
    });

    test('while history is missing, only what the store knows can vanish', async () => {
      const { cursor } = await folder('Half');
      await admin.messageDelete('1,8', { uid: true });
      // Whoever names what vanished is believed, so that a late page of history is refused.
      const named = level === 'qresync' ? [1] : [];
      const known = knownItems([
        { uid: 8, flags: 0 },
        { uid: 9, flags: 0 },
      ]);
      const pages = await readChanges(session, 'Half', { cursor, known });
      expect(everything(pages)).toEqual({ ...nothing, vanished: [...named, 8] });
    });

    test('an expunge that the counters hide is found by a full comparison', async () => {
      const { cursor, known } = await folder('Masked');
      await admin.messageDelete('4', { uid: true });
      const masked = { ...cursor, messages: 9 };
      const quick = await readChanges(session, 'Masked', {
        cursor: masked,
        known: knownItems(known),
      });
      expect(everything(quick).vanished).toEqual(level === 'qresync' ? [4] : []);
      const full = await readChanges(session, 'Masked', {
        cursor: masked,
        known: knownItems(known),
        depth: 'full',
      });
      expect(everything(full).vanished).toEqual([4]);
    });

    test('a folder made anew under the same name is renumbered', async () => {
      const { cursor, known } = await folder('Reborn');
      await admin.mailboxClose();
      await admin.mailboxDelete('Reborn');
      // UIDVALIDITY is a time in seconds; a list file that is gone makes Dovecot choose a new one.
      rmSync(path.join(dovecot.maildir, 'dovecot-uidvalidity'), { force: true });
      await admin.mailboxCreate('Reborn');
      await appendMany(admin, 'Reborn', 2);
      const stale = { ...cursor, uidValidity: '1' };
      const pages = await readChanges(session, 'Reborn', {
        cursor: stale,
        known: knownItems(known),
      });
      expect(pages).toMatchObject([{ renumbered: true, messages: [], vanished: [], more: false }]);
      expect(pages[0]?.cursor['uidValidity']).not.toBe('1');
      expect(pages[0]?.cursor).toMatchObject({ uidNext: 3, messages: 2 });
    });

    test('a folder that could not be opened when it was listed is listed once more', async () => {
      const { cursor, known } = await folder('Unlisted');
      const listed = (await session.collections()).find(({ ref }) => ref === 'Unlisted')!;
      const collection = { ...listed, uidValidity: undefined };
      const request = { collection, cursor, known: knownItems(known), depth: 'quick' as const };
      const bounds = { itemsMax: 10, bytesMax: 1_000_000 };
      const pages = session.changes({ ...request, bounds });
      const first = pages[Symbol.asyncIterator]().next();
      await expect(first).rejects.toMatchObject({ kind: 'cursor-expired' });
    });

    test('a folder that is gone', async () => {
      const { cursor } = await folder('Lost');
      const collection = (await session.collections()).find(({ ref }) => ref === 'Lost')!;
      await admin.mailboxClose();
      await admin.mailboxDelete('Lost');
      const request = { collection, cursor, known: knownItems([]), depth: 'quick' as const };
      const bounds = { itemsMax: 10, bytesMax: 1_000_000 };
      const pages = session.changes({ ...request, bounds });
      const first = pages[Symbol.asyncIterator]().next();
      await expect(first).rejects.toMatchObject({ kind: 'not-found', code: 'imap-folder-missing' });
    });
  },
);
