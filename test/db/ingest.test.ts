import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withFence } from '../../db/fence.ts';
import { uuidv7 } from '../../domain/ids.ts';
import { mail, openIngest, type Ingest } from '../support/ingest.ts';

let ingest: Ingest;

beforeAll(async () => {
  ingest = await openIngest();
});
afterAll(() => ingest.base.drop());

describe('the ingest point of mail', () => {
  it('stores a page twice without doubling, and moves the cursor with it', async () => {
    const inbox = await ingest.makeFolder();
    const page = [mail(1, '<a@x>'), mail(2, '<b@x>', { references: '<a@x>' })];
    expect(await ingest.store(inbox, page)).toMatchObject({ stored: 2, removed: 0 });
    expect(await ingest.store(inbox, page)).toMatchObject({ stored: 0 });
    const rows = await ingest.messagesOf(inbox);
    expect(rows).toHaveLength(2);
    expect(new Set(rows.map((row) => row.thread_id)).size).toBe(1);
    expect(await ingest.collectionOf(inbox)).toMatchObject({
      stored: 2,
      live_cursor: { uidNext: 2 },
    });
  });

  it('never lets an older version overwrite a newer one', async () => {
    const inbox = await ingest.makeFolder();
    await ingest.store(inbox, [mail(1, '<v@x>', { flags: 1, version: 20n })]);
    await ingest.store(inbox, [mail(1, '<v@x>', { flags: 4, version: 10n })]);
    await ingest.store(inbox, [], {
      flagChanges: [{ uid: 1, flags: 8, keywords: [], version: 5n }],
      flagChangeLabels: [[]],
    });
    expect(await ingest.messagesOf(inbox)).toMatchObject([{ flags: 1, version: '20' }]);
  });

  it('hides what vanished, and a late page does not bring it back', async () => {
    const inbox = await ingest.makeFolder();
    await ingest.store(inbox, [mail(1, '<gone@x>'), mail(2, '<kept@x>')]);
    expect(await ingest.store(inbox, [], { vanished: [1] })).toMatchObject({ removed: 1 });
    await ingest.store(inbox, [mail(1, '<gone@x>')], { loop: 'backfill' });
    expect((await ingest.messagesOf(inbox)).map((row) => row.uid)).toEqual(['2']);
    expect(await ingest.collectionOf(inbox)).toMatchObject({ stored: 1 });
  });

  it('stores the name of a keyword that only a flag change brought', async () => {
    const inbox = await ingest.makeFolder();
    await ingest.store(inbox, [mail(1, '<k1@x>')]);
    const id = uuidv7();
    const blob = Buffer.from('sealed');
    const page = { blob, messages: [], addresses: [], failures: [] };
    await ingest.store(inbox, [], {
      page: { ...page, labels: [{ id, name: [0, blob.length] }] },
      flagChanges: [{ uid: 1, flags: 0, keywords: ['only'], version: 1n }],
      flagChangeLabels: [[id]],
    });
    expect(await ingest.read(sql`select id from labels where id = ${id}`)).toEqual([{ id }]);
  });

  it('strikes an item three times before it is a skip, and takes the strikes back', async () => {
    const inbox = await ingest.makeFolder();
    const failures = [{ uid: 5, reason: 'unreadable' as const }];
    expect(await ingest.store(inbox, [], { failures })).toMatchObject({ skipped: 0 });
    expect(await ingest.store(inbox, [], { failures })).toMatchObject({ skipped: 0 });
    expect(await ingest.store(inbox, [], { failures })).toMatchObject({ skipped: 1 });
    await ingest.store(inbox, [mail(5, '<late@x>')]);
    const left = await ingest.read(sql`select from skips where folder_id = ${inbox}`);
    expect(left).toHaveLength(0);
  });

  it('tracks a reply of a participant, and no stranger with the same References', async () => {
    const inbox = await ingest.makeFolder();
    await ingest.store(inbox, [mail(1, '<deal@x>', { from: 'bob@example.org' })]);
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      tx.execute(sql`update messages set tracked = true
        where id in (select message_id from placements where folder_id = ${inbox})`),
    );
    await ingest.store(inbox, [
      mail(2, '<reply@x>', { from: 'bob@example.org', references: '<deal@x>' }),
      mail(3, '<stranger@x>', { from: 'eve@example.net', references: '<deal@x>' }),
    ]);
    const tracked = (await ingest.messagesOf(inbox)).map((row) => row.tracked);
    expect(tracked).toEqual([true, true, false]);
  });

  it('puts messages into the threads that the provider names, whatever they refer to', async () => {
    const inbox = await ingest.makeFolder();
    await ingest.store(inbox, [
      mail(1, '<named1@x>', { threadId: '17' }),
      mail(2, '<named2@x>', { threadId: '17' }),
      mail(3, '<named3@x>', { threadId: '18', references: '<named1@x>' }),
      mail(4, '<unnamed@x>', { references: '<named1@x>' }),
      mail(5, '<unnamed2@x>', { references: '<unnamed@x>' }),
    ]);
    await ingest.store(inbox, [mail(6, '<named4@x>', { threadId: '18' })]);
    const threads = (await ingest.messagesOf(inbox)).map((row) => row.thread_id);
    expect(threads.map((thread) => threads.indexOf(thread))).toEqual([0, 0, 2, 3, 3, 2]);
  });

  it('stores copies under one provider id once, wherever they lie', async () => {
    const [inbox, archive] = [await ingest.makeFolder(), await ingest.makeFolder()];
    const copies = [7, 8].map((uid) => mail(uid, '<copy@x>', { stableId: 'M7' }));
    expect(await ingest.store(inbox, copies)).toMatchObject({ stored: 2 });
    await ingest.store(archive, [mail(1, '<copy@x>', { stableId: 'M7' })]);
    const places = [...(await ingest.messagesOf(inbox)), ...(await ingest.messagesOf(archive))];
    expect(places).toHaveLength(3);
    expect(new Set(places.map((row) => row.id)).size).toBe(1);
    await ingest.store(inbox, [], { vanished: [7, 8] });
    expect(await ingest.messagesOf(archive)).toHaveLength(1);
  });

  it('doubles nothing when a server begins to name its messages, or stops', async () => {
    const [inbox, archive] = [await ingest.makeFolder(), await ingest.makeFolder()];
    await ingest.store(inbox, [mail(1, '<gains@x>'), mail(2, '<loses@x>', { stableId: 'M2' })]);
    const before = (await ingest.messagesOf(inbox)).map((row) => row.id);
    await ingest.store(archive, [mail(1, '<gains@x>', { stableId: 'M1' }), mail(2, '<loses@x>')]);
    await ingest.store(inbox, [], { vanished: [1, 2], caughtUpAt: new Date(0) });
    expect((await ingest.messagesOf(archive)).map((row) => row.id)).toEqual(before);
    expect(await ingest.messagesOf(inbox)).toEqual([]);
  });
});
