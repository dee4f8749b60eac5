import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withFence } from '../../db/fence.ts';
import { beginRenumbering } from '../../db/queries/ingest/renumber.ts';
import { hideFolder } from '../../db/queries/sync/folders.ts';
import { mail, openIngest, type Ingest } from '../support/ingest.ts';

let ingest: Ingest;

beforeAll(async () => {
  ingest = await openIngest();
});
afterAll(() => ingest.base.drop());

describe('moved and renumbered mail at the ingest point', () => {
  it('keeps the id of a message that is moved, whichever side is seen first', async () => {
    const [inbox, archive] = [await ingest.makeFolder(), await ingest.makeFolder()];
    const before = new Date(Date.now() - 1_000);
    await ingest.store(inbox, [mail(1, '<m1@x>'), mail(2, '<m2@x>')]);
    const ids = (await ingest.messagesOf(inbox)).map((row) => row.id);
    await ingest.store(inbox, [], { vanished: [1], caughtUpAt: before });
    await ingest.store(archive, [mail(7, '<m1@x>')]);
    await ingest.store(archive, [mail(8, '<m2@x>')]);
    await ingest.store(inbox, [], { vanished: [2], caughtUpAt: before });
    expect((await ingest.messagesOf(archive)).map((row) => row.id)).toEqual(ids);
    expect(await ingest.messagesOf(inbox)).toEqual([]);
  });

  it('matches messages again after their folder was renumbered', async () => {
    const inbox = await ingest.makeFolder();
    await ingest.store(inbox, [mail(1, '<r1@x>'), mail(2, '<r2@x>'), mail(3, '<r3@x>')]);
    const ids = (await ingest.messagesOf(inbox)).map((row) => row.id);
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      beginRenumbering(tx, ingest.licence, inbox, '9', null),
    );
    expect(await ingest.messagesOf(inbox)).toHaveLength(3);
    const listing = { uidValidity: '9', loop: 'backfill' } as const;
    await ingest.store(inbox, [mail(12, '<r2@x>')], { ...listing, more: true });
    expect(await ingest.messagesOf(inbox)).toHaveLength(3);
    await ingest.store(inbox, [mail(11, '<r1@x>')], listing);
    const after = await ingest.messagesOf(inbox);
    expect(after.map((row) => [row.uid, row.id])).toEqual([
      ['11', ids[0]],
      ['12', ids[1]],
    ]);
    expect(await ingest.collectionOf(inbox)).toMatchObject({ stored: 2 });
  });

  it('hides what goes while its folder is listed under a new numbering', async () => {
    const inbox = await ingest.makeFolder();
    await ingest.store(inbox, [mail(1, '<g1@x>'), mail(2, '<g2@x>')]);
    const ids = (await ingest.messagesOf(inbox)).map((row) => row.id);
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      beginRenumbering(tx, ingest.licence, inbox, '9', null),
    );
    const listing = { uidValidity: '9', loop: 'backfill' } as const;
    // The live loop is told that a message is gone whose page is on the way.
    await ingest.store(inbox, [], { uidValidity: '9', vanished: [11] });
    await ingest.store(inbox, [mail(12, '<g2@x>'), mail(11, '<g1@x>')], { ...listing, more: true });
    expect(await ingest.messagesOf(inbox)).toHaveLength(2);
    await ingest.store(inbox, [], listing);
    expect((await ingest.messagesOf(inbox)).map((row) => row.id)).toEqual([ids[1]]);
    const hidden = sql`select id from messages where id = ${ids[0]} and hidden_at is not null`;
    expect(await ingest.read(hidden)).toHaveLength(1);
    expect(await ingest.collectionOf(inbox)).toMatchObject({ stored: 1 });
  });

  it('counts what comes back with a folder that went while it was renumbered', async () => {
    const inbox = await ingest.makeFolder();
    await ingest.store(inbox, [mail(1, '<b1@x>')]);
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      beginRenumbering(tx, ingest.licence, inbox, '9', null),
    );
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      hideFolder(tx, ingest.licence, inbox, { caughtUpAt: null, inferred: false }),
    );
    await ingest.makeFolder(inbox, '9');
    await ingest.store(inbox, [mail(11, '<b1@x>')], { uidValidity: '9', loop: 'backfill' });
    expect(await ingest.collectionOf(inbox)).toMatchObject({ stored: 1 });
  });

  it('keeps the id of a message that is moved out of a folder that is renumbered then', async () => {
    const [inbox, archive] = [await ingest.makeFolder(), await ingest.makeFolder()];
    const before = new Date(Date.now() - 1_000);
    await ingest.store(inbox, [mail(1, '<n1@x>'), mail(2, '<n2@x>')]);
    const ids = (await ingest.messagesOf(inbox)).map((row) => row.id);
    await ingest.store(archive, [mail(7, '<n1@x>')]);
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      beginRenumbering(tx, ingest.licence, inbox, '9', before),
    );
    await ingest.store(archive, [mail(8, '<n2@x>')], { loop: 'live' });
    await ingest.store(inbox, [], { uidValidity: '9', loop: 'backfill' });
    expect((await ingest.messagesOf(archive)).map((row) => row.id)).toEqual(ids);
    expect(await ingest.messagesOf(inbox)).toEqual([]);
    expect(await ingest.collectionOf(inbox)).toMatchObject({ stored: 0 });
  });

  it('keeps the id of a message that is moved out of a folder that is deleted then', async () => {
    const [inbox, archive] = [await ingest.makeFolder(), await ingest.makeFolder()];
    const before = new Date(Date.now() - 1_000);
    await ingest.store(inbox, [mail(1, '<d1@x>')]);
    const ids = (await ingest.messagesOf(inbox)).map((row) => row.id);
    await ingest.store(archive, [mail(7, '<d1@x>')]);
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      hideFolder(tx, ingest.licence, inbox, { caughtUpAt: before, inferred: true }),
    );
    expect((await ingest.messagesOf(archive)).map((row) => row.id)).toEqual(ids);
  });

  it('keeps the id of a message that left a folder before it was renumbered and deleted', async () => {
    const [inbox, archive] = [await ingest.makeFolder(), await ingest.makeFolder()];
    const before = new Date(Date.now() - 1_000);
    await ingest.store(inbox, [mail(1, '<r1@x>')]);
    const ids = (await ingest.messagesOf(inbox)).map((row) => row.id);
    await ingest.store(archive, [mail(7, '<r1@x>')]);
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      beginRenumbering(tx, ingest.licence, inbox, '9', before),
    );
    // All was in step once more meanwhile, but for the folder that was not listed again yet.
    const later = new Date(Date.now() + 1_000);
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      hideFolder(tx, ingest.licence, inbox, { caughtUpAt: later, inferred: true }),
    );
    expect((await ingest.messagesOf(archive)).map((row) => row.id)).toEqual(ids);
  });

  it('keeps the id of a message that left a renumbered folder while its page was on the way', async () => {
    const [inbox, archive] = await ingest.makeThreeFolders();
    const before = new Date(Date.now() - 1_000);
    await ingest.store(inbox, [mail(1, '<w1@x>')]);
    const ids = (await ingest.messagesOf(inbox)).map((row) => row.id);
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      beginRenumbering(tx, ingest.licence, inbox, '9', before),
    );
    await ingest.store(archive, [mail(7, '<w1@x>')]);
    // The page was read before the message went.
    await ingest.store(inbox, [mail(11, '<w1@x>')], { uidValidity: '9', loop: 'backfill' });
    // All was in step once more meanwhile, but for the folder that was not looked at again yet.
    const later = new Date(Date.now() + 1_000);
    await ingest.store(inbox, [], { uidValidity: '9', vanished: [11], caughtUpAt: later });
    expect((await ingest.messagesOf(archive)).map((row) => row.id)).toEqual(ids);
  });

  it('keeps the first id of a message that was moved twice before anybody looked', async () => {
    const [inbox, archive, sent] = [
      await ingest.makeFolder(),
      await ingest.makeFolder(),
      await ingest.makeFolder(),
    ];
    const uids = [1, 2, 3, 4, 5, 6];
    const mails = () => uids.map((uid) => mail(uid, `<twice${uid}@x>`));
    await ingest.store(inbox, mails());
    const ids = (await ingest.messagesOf(inbox)).map((row) => row.id);
    await ingest.store(archive, mails());
    await ingest.store(archive, [], { vanished: uids });
    await ingest.store(inbox, [], { vanished: uids });
    await ingest.store(sent, mails());
    expect((await ingest.messagesOf(sent)).map((row) => row.id)).toEqual(ids);
  });

  it('takes no other text for a moved message, though Message-ID, size and date are the same', async () => {
    const [inbox, archive] = [await ingest.makeFolder(), await ingest.makeFolder()];
    await ingest.store(inbox, [mail(1, '<used-twice@x>')]);
    const [before] = await ingest.messagesOf(inbox);
    await ingest.store(inbox, [], { vanished: [1] });
    await ingest.store(archive, [mail(7, '<used-twice@x>', { text: 'other' })]);
    const [after] = await ingest.messagesOf(archive);
    expect(after!.id).not.toBe(before!.id);
  });

  it('counts a place that a move of ours brings back', async () => {
    const [inbox, archive] = [await ingest.makeFolder(), await ingest.makeFolder()];
    await ingest.store(inbox, [mail(1, '<back@x>')]);
    await ingest.store(archive, [mail(7, '<back@x>')]);
    await ingest.store(archive, [], { vanished: [7] });
    await ingest.moveOurs(inbox, archive, { uid: 1, newUid: 7 });
    expect(await ingest.messagesOf(archive)).toHaveLength(1);
    expect(await ingest.collectionOf(inbox)).toMatchObject({ stored: 0 });
    expect(await ingest.collectionOf(archive)).toMatchObject({ stored: 1 });
  });

  it('makes one message of what the other loop met at the new place of a move of ours', async () => {
    const [inbox, archive, sent] = await ingest.makeThreeFolders();
    await ingest.store(inbox, [mail(1, '<double@x>')]);
    const [before] = await ingest.messagesOf(inbox);
    await ingest.store(archive, [mail(7, '<double@x>')]);
    const [double] = await ingest.messagesOf(archive);
    expect(double!.id).not.toBe(before!.id);
    await ingest.write(sql`update messages set tracked = true where id = ${double!.id}`);
    await ingest.moveOurs(inbox, archive, { uid: 1, newUid: 7 });
    const after = { id: before!.id, tracked: true };
    expect(await ingest.messagesOf(archive)).toMatchObject([after]);
    expect(await ingest.read(sql`select from messages where id = ${double!.id}`)).toEqual([]);
    // Nothing is left that could take its place the next time.
    const since = new Date();
    await ingest.store(sent, [mail(9, '<double@x>')]);
    await ingest.store(archive, [], { vanished: [7], caughtUpAt: since });
    expect(await ingest.messagesOf(sent)).toMatchObject([after]);
  });

  it('makes one message of what was met on its way, and is gone from there by now', async () => {
    const [inbox, archive, sent] = await ingest.makeThreeFolders();
    const caughtUpAt = new Date(Date.now() - 1_000);
    await ingest.store(inbox, [mail(1, '<twice-moved@x>')]);
    const [before] = await ingest.messagesOf(inbox);
    await ingest.store(archive, [mail(7, '<twice-moved@x>')]);
    const [passing] = await ingest.messagesOf(archive);
    await ingest.store(archive, [], { vanished: [7], caughtUpAt });
    await ingest.store(inbox, [], { vanished: [1], caughtUpAt });
    expect(await ingest.read(sql`select from messages where id = ${passing!.id}`)).toEqual([]);
    await ingest.store(sent, [mail(9, '<twice-moved@x>')]);
    expect(await ingest.messagesOf(sent)).toMatchObject([{ id: before!.id }]);
    // The next time the new place is seen first, nothing else claims it.
    const since = new Date();
    await ingest.store(inbox, [mail(2, '<twice-moved@x>')]);
    await ingest.store(sent, [], { vanished: [9], caughtUpAt: since });
    expect(await ingest.messagesOf(inbox)).toMatchObject([{ id: before!.id }]);
  });

  it('hides again what had claimed the new place of a move of ours', async () => {
    const [inbox, archive, trash] = await ingest.makeThreeFolders();
    await ingest.store(trash, [mail(3, '<claimed@x>')]);
    const [copy] = await ingest.messagesOf(trash);
    await ingest.store(inbox, [mail(1, '<claimed@x>')]);
    const [own] = await ingest.messagesOf(inbox);
    await ingest.store(trash, [], { vanished: [3] });
    await ingest.store(archive, [mail(7, '<claimed@x>')]);
    expect(await ingest.messagesOf(archive)).toMatchObject([{ id: copy!.id }]);
    await ingest.moveOurs(inbox, archive, { uid: 1, newUid: 7 });
    expect(await ingest.messagesOf(archive)).toMatchObject([{ id: own!.id }]);
    const [hidden] = await ingest.read(sql`select hidden_at from messages where id = ${copy!.id}`);
    expect(hidden!['hidden_at']).not.toBeNull();
  });
});
