import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodePage } from '../../activities/mail/encode-page.ts';
import { withFence, type FoundLicence } from '../../db/fence.ts';
import { hideFolder, recordMark } from '../../db/queries/sync/folders.ts';
import { storeFolders, type FolderToStore } from '../../db/queries/sync/store-folders.ts';
import { storeMailPage, type PageToStore } from '../../db/queries/ingest/store-page.ts';
import { storeMoved } from '../../db/queries/ingest/moved.ts';
import { beginRenumbering } from '../../db/queries/ingest/renumber.ts';
import { withTenant } from '../../db/tenant.ts';
import { OvertakenError } from '../../domain/failure.ts';
import { uuidv7 } from '../../domain/ids.ts';
import type { Cursor, RawMessage } from '../../domain/provider.ts';
import type { TenantVault } from '../../domain/seal.ts';
import { createTestConnection } from '../support/connection.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestKeyring } from '../support/keys.ts';
import { rawMessage } from '../support/raw-message.ts';
import { waitFor } from '../support/wait-for.ts';

let base: TestDatabase;
let vault: TenantVault;
let licence: FoundLicence;

beforeAll(async () => {
  base = await createTestDatabase();
  const tenantId = uuidv7();
  const keyring = createTestKeyring(base.keys);
  await keyring.create(tenantId);
  vault = await keyring.vault(tenantId);
  await base.app.db.execute(sql`
    insert into directory.tenants (id, name) values (${tenantId}, 'Example')`);
  licence = await createTestConnection(base.app, vault, {
    host: 'mail.example',
    port: 993,
    security: 'tls',
    username: 'jane@example.com',
  });
});

afterAll(() => base.drop());

describe('the ingest point of mail', () => {
  it('stores a page twice without doubling, and moves the cursor with it', async () => {
    const inbox = await makeFolder();
    const page = [mail(1, '<a@x>'), mail(2, '<b@x>', { references: '<a@x>' })];
    expect(await store(inbox, page)).toMatchObject({ stored: 2, removed: 0 });
    expect(await store(inbox, page)).toMatchObject({ stored: 0 });
    const rows = await messagesOf(inbox);
    expect(rows).toHaveLength(2);
    expect(new Set(rows.map((row) => row.thread_id)).size).toBe(1);
    expect(await collectionOf(inbox)).toMatchObject({ stored: 2, live_cursor: { uidNext: 2 } });
  });

  it('never lets an older version overwrite a newer one', async () => {
    const inbox = await makeFolder();
    await store(inbox, [mail(1, '<v@x>', { flags: 1, version: 20n })]);
    await store(inbox, [mail(1, '<v@x>', { flags: 4, version: 10n })]);
    await store(inbox, [], {
      flagChanges: [{ uid: 1, flags: 8, keywords: [], version: 5n }],
      flagChangeLabels: [[]],
    });
    expect(await messagesOf(inbox)).toMatchObject([{ flags: 1, version: '20' }]);
  });

  it('hides what vanished, and a late page does not bring it back', async () => {
    const inbox = await makeFolder();
    await store(inbox, [mail(1, '<gone@x>'), mail(2, '<kept@x>')]);
    expect(await store(inbox, [], { vanished: [1] })).toMatchObject({ removed: 1 });
    await store(inbox, [mail(1, '<gone@x>')], { loop: 'backfill' });
    expect((await messagesOf(inbox)).map((row) => row.uid)).toEqual(['2']);
    expect(await collectionOf(inbox)).toMatchObject({ stored: 1 });
  });

  it('keeps the id of a message that is moved, whichever side is seen first', async () => {
    const [inbox, archive] = [await makeFolder(), await makeFolder()];
    const before = new Date(Date.now() - 1_000);
    await store(inbox, [mail(1, '<m1@x>'), mail(2, '<m2@x>')]);
    const ids = (await messagesOf(inbox)).map((row) => row.id);
    await store(inbox, [], { vanished: [1], caughtUpAt: before });
    await store(archive, [mail(7, '<m1@x>')]);
    await store(archive, [mail(8, '<m2@x>')]);
    await store(inbox, [], { vanished: [2], caughtUpAt: before });
    expect((await messagesOf(archive)).map((row) => row.id)).toEqual(ids);
    expect(await messagesOf(inbox)).toEqual([]);
  });

  it('matches messages again after their folder was renumbered', async () => {
    const inbox = await makeFolder();
    await store(inbox, [mail(1, '<r1@x>'), mail(2, '<r2@x>'), mail(3, '<r3@x>')]);
    const ids = (await messagesOf(inbox)).map((row) => row.id);
    await withFence(base.app, licence, (tx) => beginRenumbering(tx, licence, inbox, '9', null));
    expect(await messagesOf(inbox)).toHaveLength(3);
    const listing = { uidValidity: '9', loop: 'backfill' } as const;
    await store(inbox, [mail(12, '<r2@x>')], { ...listing, more: true });
    expect(await messagesOf(inbox)).toHaveLength(3);
    await store(inbox, [mail(11, '<r1@x>')], listing);
    const after = await messagesOf(inbox);
    expect(after.map((row) => [row.uid, row.id])).toEqual([
      ['11', ids[0]],
      ['12', ids[1]],
    ]);
    expect(await collectionOf(inbox)).toMatchObject({ stored: 2 });
  });

  it('hides what goes while its folder is listed under a new numbering', async () => {
    const inbox = await makeFolder();
    await store(inbox, [mail(1, '<g1@x>'), mail(2, '<g2@x>')]);
    const ids = (await messagesOf(inbox)).map((row) => row.id);
    await withFence(base.app, licence, (tx) => beginRenumbering(tx, licence, inbox, '9', null));
    const listing = { uidValidity: '9', loop: 'backfill' } as const;
    // The live loop is told that a message is gone whose page is on the way.
    await store(inbox, [], { uidValidity: '9', vanished: [11] });
    await store(inbox, [mail(12, '<g2@x>'), mail(11, '<g1@x>')], { ...listing, more: true });
    expect(await messagesOf(inbox)).toHaveLength(2);
    await store(inbox, [], listing);
    expect((await messagesOf(inbox)).map((row) => row.id)).toEqual([ids[1]]);
    const hidden = sql`select id from messages where id = ${ids[0]} and hidden_at is not null`;
    expect(await read(hidden)).toHaveLength(1);
    expect(await collectionOf(inbox)).toMatchObject({ stored: 1 });
  });

  it('counts what comes back with a folder that went while it was renumbered', async () => {
    const inbox = await makeFolder();
    await store(inbox, [mail(1, '<b1@x>')]);
    await withFence(base.app, licence, (tx) => beginRenumbering(tx, licence, inbox, '9', null));
    await withFence(base.app, licence, (tx) =>
      hideFolder(tx, licence, inbox, { caughtUpAt: null, inferred: false }),
    );
    await makeFolder(inbox, '9');
    await store(inbox, [mail(11, '<b1@x>')], { uidValidity: '9', loop: 'backfill' });
    expect(await collectionOf(inbox)).toMatchObject({ stored: 1 });
  });

  it('keeps the id of a message that is moved out of a folder that is renumbered then', async () => {
    const [inbox, archive] = [await makeFolder(), await makeFolder()];
    const before = new Date(Date.now() - 1_000);
    await store(inbox, [mail(1, '<n1@x>'), mail(2, '<n2@x>')]);
    const ids = (await messagesOf(inbox)).map((row) => row.id);
    await store(archive, [mail(7, '<n1@x>')]);
    await withFence(base.app, licence, (tx) => beginRenumbering(tx, licence, inbox, '9', before));
    await store(archive, [mail(8, '<n2@x>')], { loop: 'live' });
    await store(inbox, [], { uidValidity: '9', loop: 'backfill' });
    expect((await messagesOf(archive)).map((row) => row.id)).toEqual(ids);
    expect(await messagesOf(inbox)).toEqual([]);
    expect(await collectionOf(inbox)).toMatchObject({ stored: 0 });
  });

  it('keeps the id of a message that is moved out of a folder that is deleted then', async () => {
    const [inbox, archive] = [await makeFolder(), await makeFolder()];
    const before = new Date(Date.now() - 1_000);
    await store(inbox, [mail(1, '<d1@x>')]);
    const ids = (await messagesOf(inbox)).map((row) => row.id);
    await store(archive, [mail(7, '<d1@x>')]);
    await withFence(base.app, licence, (tx) =>
      hideFolder(tx, licence, inbox, { caughtUpAt: before, inferred: true }),
    );
    expect((await messagesOf(archive)).map((row) => row.id)).toEqual(ids);
  });

  it('keeps the first id of a message that was moved twice before anybody looked', async () => {
    const [inbox, archive, sent] = [await makeFolder(), await makeFolder(), await makeFolder()];
    const uids = [1, 2, 3, 4, 5, 6];
    const mails = () => uids.map((uid) => mail(uid, `<twice${uid}@x>`));
    await store(inbox, mails());
    const ids = (await messagesOf(inbox)).map((row) => row.id);
    await store(archive, mails());
    await store(archive, [], { vanished: uids });
    await store(inbox, [], { vanished: uids });
    await store(sent, mails());
    expect((await messagesOf(sent)).map((row) => row.id)).toEqual(ids);
  });

  it('takes no other text for a moved message, though Message-ID, size and date are the same', async () => {
    const [inbox, archive] = [await makeFolder(), await makeFolder()];
    await store(inbox, [mail(1, '<used-twice@x>')]);
    const [before] = await messagesOf(inbox);
    await store(inbox, [], { vanished: [1] });
    await store(archive, [mail(7, '<used-twice@x>', { text: 'other' })]);
    const [after] = await messagesOf(archive);
    expect(after!.id).not.toBe(before!.id);
  });

  it('stores the name of a keyword that only a flag change brought', async () => {
    const inbox = await makeFolder();
    await store(inbox, [mail(1, '<k1@x>')]);
    const id = uuidv7();
    const blob = Buffer.from('sealed');
    const page = { blob, messages: [], addresses: [], failures: [] };
    await store(inbox, [], {
      page: { ...page, labels: [{ id, name: [0, blob.length] }] },
      flagChanges: [{ uid: 1, flags: 0, keywords: ['only'], version: 1n }],
      flagChangeLabels: [[id]],
    });
    expect(await read(sql`select id from labels where id = ${id}`)).toEqual([{ id }]);
  });

  it('strikes an item three times before it is a skip, and takes the strikes back', async () => {
    const inbox = await makeFolder();
    const failures = [{ uid: 5, reason: 'unreadable' as const }];
    expect(await store(inbox, [], { failures })).toMatchObject({ skipped: 0 });
    expect(await store(inbox, [], { failures })).toMatchObject({ skipped: 0 });
    expect(await store(inbox, [], { failures })).toMatchObject({ skipped: 1 });
    await store(inbox, [mail(5, '<late@x>')]);
    const left = await read(sql`select from skips where folder_id = ${inbox}`);
    expect(left).toHaveLength(0);
  });

  it('tracks a reply of a participant, and no stranger with the same References', async () => {
    const inbox = await makeFolder();
    await store(inbox, [mail(1, '<deal@x>', { from: 'bob@example.org' })]);
    await withFence(base.app, licence, (tx) =>
      tx.execute(sql`update messages set tracked = true
        where id in (select message_id from placements where folder_id = ${inbox})`),
    );
    await store(inbox, [
      mail(2, '<reply@x>', { from: 'bob@example.org', references: '<deal@x>' }),
      mail(3, '<stranger@x>', { from: 'eve@example.net', references: '<deal@x>' }),
    ]);
    const tracked = (await messagesOf(inbox)).map((row) => row.tracked);
    expect(tracked).toEqual([true, true, false]);
  });

  it('puts messages into the threads that the provider names, whatever they refer to', async () => {
    const inbox = await makeFolder();
    await store(inbox, [
      mail(1, '<named1@x>', { threadId: '17' }),
      mail(2, '<named2@x>', { threadId: '17' }),
      mail(3, '<named3@x>', { threadId: '18', references: '<named1@x>' }),
      mail(4, '<unnamed@x>', { references: '<named1@x>' }),
      mail(5, '<unnamed2@x>', { references: '<unnamed@x>' }),
    ]);
    await store(inbox, [mail(6, '<named4@x>', { threadId: '18' })]);
    const threads = (await messagesOf(inbox)).map((row) => row.thread_id);
    expect(threads.map((thread) => threads.indexOf(thread))).toEqual([0, 0, 2, 3, 3, 2]);
  });

  it('stores copies under one provider id once, wherever they lie', async () => {
    const [inbox, archive] = [await makeFolder(), await makeFolder()];
    const copies = [7, 8].map((uid) => mail(uid, '<copy@x>', { stableId: 'M7' }));
    expect(await store(inbox, copies)).toMatchObject({ stored: 2 });
    await store(archive, [mail(1, '<copy@x>', { stableId: 'M7' })]);
    const places = [...(await messagesOf(inbox)), ...(await messagesOf(archive))];
    expect(places).toHaveLength(3);
    expect(new Set(places.map((row) => row.id)).size).toBe(1);
    await store(inbox, [], { vanished: [7, 8] });
    expect(await messagesOf(archive)).toHaveLength(1);
  });

  it('doubles nothing when a server begins to name its messages, or stops', async () => {
    const [inbox, archive] = [await makeFolder(), await makeFolder()];
    await store(inbox, [mail(1, '<gains@x>'), mail(2, '<loses@x>', { stableId: 'M2' })]);
    const before = (await messagesOf(inbox)).map((row) => row.id);
    await store(archive, [mail(1, '<gains@x>', { stableId: 'M1' }), mail(2, '<loses@x>')]);
    await store(inbox, [], { vanished: [1, 2], caughtUpAt: new Date(0) });
    expect((await messagesOf(archive)).map((row) => row.id)).toEqual(before);
    expect(await messagesOf(inbox)).toEqual([]);
  });

  it('stores nothing of a page that another slice has overtaken', async () => {
    const inbox = await makeFolder();
    await store(inbox, [mail(1, '<first@x>')]);
    const stale = { uidNext: 0 };
    const late = store(inbox, [mail(2, '<late@x>')], { from: stale });
    await expect(late).rejects.toThrow(OvertakenError);
    expect((await messagesOf(inbox)).map((row) => row.uid)).toEqual(['1']);
    expect(await collectionOf(inbox)).toMatchObject({ stored: 1, live_cursor: { uidNext: 1 } });
  });

  it('stores no history that was read under an old numbering, or of a hidden folder', async () => {
    const [inbox, gone] = [await makeFolder(), await makeFolder()];
    await store(inbox, [mail(1, '<known@x>')]);
    await withFence(base.app, licence, (tx) => beginRenumbering(tx, licence, inbox, '9', null));
    const old = store(inbox, [mail(1, '<known@x>')], { loop: 'backfill', uidValidity: '1' });
    await expect(old).rejects.toThrow(OvertakenError);
    await withFence(base.app, licence, (tx) =>
      hideFolder(tx, licence, gone, { caughtUpAt: null, inferred: false }),
    );
    for (const loop of ['backfill', 'repair'] as const) {
      const late = store(gone, [mail(1, '<late@x>')], { loop });
      await expect(late).rejects.toThrow(OvertakenError);
    }
    expect(await messagesOf(gone)).toEqual([]);
  });

  it('stores no history that began before the position where it has to end', async () => {
    const [numbered, hidden] = [await makeFolder(), await makeFolder()];
    const begun: (Cursor | null)[] = [];
    for (const folder of [numbered, hidden]) {
      await store(folder, []);
      begun.push((await cursorsOf(folder)).backfill);
    }
    await withFence(base.app, licence, async (tx) => {
      await beginRenumbering(tx, licence, numbered, '9', null);
      await hideFolder(tx, licence, hidden, { caughtUpAt: null, inferred: false });
    });
    await makeFolder(hidden);
    for (const [i, folder] of [numbered, hidden].entries()) {
      const uidValidity = folder === numbered ? '9' : '1';
      await store(folder, [], { uidValidity });
      const late = { uidValidity, loop: 'backfill' } as const;
      const early = store(folder, [mail(1, '<early@x>')], { ...late, from: begun[i] ?? null });
      await expect(early).rejects.toThrow(OvertakenError);
      await store(folder, [mail(1, '<early@x>')], late);
    }
  });

  it('lets the second of two loops see what the first has stored of a moved message', async () => {
    const [inbox, archive] = [await makeFolder(), await makeFolder()];
    const caughtUpAt = new Date(Date.now() - 1_000);
    await store(inbox, [mail(1, '<both@x>')]);
    await store(archive, []);
    const [before] = await messagesOf(inbox);
    const { live, backfill } = await cursorsOf(inbox);
    const gone = pageOf(inbox, [], { vanished: [1], caughtUpAt, from: live });
    let arrived: Promise<unknown> = Promise.resolve();
    await withFence(base.app, licence, async (tx) => {
      await storeMailPage(tx, licence, gone);
      const there = { loop: 'backfill', caughtUpAt, from: backfill } as const;
      let ended = false;
      arrived = store(archive, [mail(7, '<both@x>')], there).finally(() => (ended = true));
      await waitFor(async () => ended || (await isAnybodyWaiting()), { what: 'the second loop' });
    });
    await arrived;
    expect((await messagesOf(archive)).map((row) => row.id)).toEqual([before!.id]);
  });

  it('counts a place that a move of ours brings back', async () => {
    const [inbox, archive] = [await makeFolder(), await makeFolder()];
    await store(inbox, [mail(1, '<back@x>')]);
    await store(archive, [mail(7, '<back@x>')]);
    await store(archive, [], { vanished: [7] });
    await withFence(base.app, licence, (tx) =>
      storeMoved(tx, licence, {
        from: { folderId: inbox, uidValidity: '1' },
        toFolderId: archive,
        moved: [{ uid: 1, newUid: 7 }],
      }),
    );
    expect(await messagesOf(archive)).toHaveLength(1);
    expect(await collectionOf(inbox)).toMatchObject({ stored: 0 });
    expect(await collectionOf(archive)).toMatchObject({ stored: 1 });
  });

  it('voids the mark of a folder that was looked at while its history was read', async () => {
    const [still, looked] = [await makeFolder(), await makeFolder()];
    for (const folder of [still, looked]) {
      await store(folder, []);
      const counters = { from: null, mark: 'equal', messages: 1 };
      await withFence(base.app, licence, (tx) => recordMark(tx, licence, folder, counters));
    }
    const historyFrom = { uidNext: 0 };
    await store(looked, [mail(9, '<meanwhile@x>')]);
    for (const folder of [still, looked]) {
      await store(folder, [mail(1, '<history@x>')], { loop: 'backfill', historyFrom });
    }
    const marks = await read(sql`
      select id, mark from collections where id in (${still}, ${looked})`);
    expect(new Map(marks.map(({ id, mark }) => [id, mark]))).toEqual(
      new Map([
        [still, 'equal'],
        [looked, null],
      ]),
    );
  });

  it('refuses rows of a licence that has ended', async () => {
    const inbox = await makeFolder();
    const stale = { ...licence, generation: licence.generation - 1 };
    const late = withFence(base.app, stale, (tx) => storeMailPage(tx, stale, pageOf(inbox, [])));
    await expect(late).rejects.toThrow('another generation');
  });
});

async function makeFolder(id = uuidv7(), uidValidity = '1'): Promise<string> {
  const folder: FolderToStore = {
    id,
    nameIndex: id,
    objectIndex: null,
    name: new Uint8Array([0]),
    role: undefined,
    uidValidity,
    excluded: false,
    messages: 0,
  };
  await withFence(base.app, licence, (tx) => storeFolders(tx, licence, [folder], null));
  return id;
}

function mail(
  uid: number,
  messageId: string,
  options: Partial<RawMessage> & { references?: string; from?: string; text?: string } = {},
): RawMessage {
  const { references, from = 'jane@example.com', text = 'hello', ...rest } = options;
  const lines = [`Message-ID: ${messageId}`, `From: ${from}`, 'To: jane@example.com'];
  if (references) lines.push(`References: ${references}`);
  return rawMessage({ ...rest, uid, headers: lines.join('\r\n'), text });
}

function pageOf(
  folderId: string,
  messages: RawMessage[],
  more: Partial<PageToStore> = {},
): PageToStore {
  const uidValidity = more.uidValidity ?? '1';
  const { tenantId, connectionId } = licence;
  const page = encodePage(vault, {
    ...{ tenantId, connectionId, folderId, uidValidity, messages },
    folderRole: null,
    ownAddressIds: [],
    knownIds: new Map(),
  });
  return {
    ...{ loop: 'live', folderId, uidValidity, page, failures: [], flagChanges: [] },
    ...{ inferred: false, readSince: null },
    ...{ flagChangeLabels: [], vanished: [], more: false, listed: undefined, caughtUpAt: null },
    ...{ cursor: { uidNext: messages.at(-1)?.uid ?? 0 }, from: null, historyFrom: null },
    ...more,
  };
}

async function store(folderId: string, messages: RawMessage[], more: Partial<PageToStore> = {}) {
  const { live, backfill } = await cursorsOf(folderId);
  const from = more.loop === 'backfill' ? backfill : live;
  const page = pageOf(folderId, messages, { from, ...more });
  return await withFence(base.app, licence, (tx) => storeMailPage(tx, licence, page));
}

async function cursorsOf(folderId: string) {
  const [row] = await read<{ live: Cursor | null; backfill: Cursor | null }>(sql`
    select live_cursor as live, backfill_cursor as backfill from collections
    where id = ${folderId}`);
  return row!;
}

/** Whether a transaction waits for an advisory lock of another. */
async function isAnybodyWaiting(): Promise<boolean> {
  const waiting = sql`select from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())`;
  return (await read(waiting)).length > 0;
}

async function read<T extends Record<string, unknown>>(query: ReturnType<typeof sql>) {
  return await withTenant(base.app, licence.tenantId, (tx) => tx.execute<T>(query));
}

interface MessageRow extends Record<string, unknown> {
  uid: string;
  id: string;
  thread_id: string;
  tracked: boolean;
}

async function messagesOf(folderId: string) {
  return await read<MessageRow>(sql`
    select p.uid, p.flags, p.version, m.id, m.thread_id, m.tracked
    from placements p join messages m on m.tenant_id = p.tenant_id and m.id = p.message_id
    where p.folder_id = ${folderId} and p.hidden_at is null and m.hidden_at is null
    order by p.uid`);
}

async function collectionOf(folderId: string) {
  return (await read(sql`select stored, live_cursor from collections where id = ${folderId}`))[0];
}
