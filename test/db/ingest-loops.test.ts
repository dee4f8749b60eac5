import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withFence } from '../../db/fence.ts';
import { beginRenumbering } from '../../db/queries/ingest/renumber.ts';
import { storeMailPage } from '../../db/queries/ingest/store-page.ts';
import { hideFolder, recordMark } from '../../db/queries/sync/folders.ts';
import { OvertakenError } from '../../domain/failure.ts';
import type { Cursor } from '../../domain/provider.ts';
import { mail, openIngest, type Ingest } from '../support/ingest.ts';
import { waitFor } from '../support/wait-for.ts';

let ingest: Ingest;

beforeAll(async () => {
  ingest = await openIngest();
});
afterAll(() => ingest.base.drop());

describe('two loops and old licences at the ingest point', () => {
  it('stores nothing of a page that another slice has overtaken', async () => {
    const inbox = await ingest.makeFolder();
    await ingest.store(inbox, [mail(1, '<first@x>')]);
    const stale = { uidNext: 0 };
    const late = ingest.store(inbox, [mail(2, '<late@x>')], { from: stale });
    await expect(late).rejects.toThrow(OvertakenError);
    expect((await ingest.messagesOf(inbox)).map((row) => row.uid)).toEqual(['1']);
    expect(await ingest.collectionOf(inbox)).toMatchObject({
      stored: 1,
      live_cursor: { uidNext: 1 },
    });
  });

  it('stores nothing that was read under an old numbering, or of a hidden folder', async () => {
    const [inbox, gone] = [await ingest.makeFolder(), await ingest.makeFolder()];
    await ingest.store(inbox, [mail(1, '<known@x>')]);
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      beginRenumbering(tx, ingest.licence, inbox, '9', null),
    );
    for (const loop of ['backfill', 'repair'] as const) {
      const old = ingest.store(inbox, [mail(1, '<known@x>')], { loop, uidValidity: '1' });
      await expect(old).rejects.toThrow(OvertakenError);
    }
    await withFence(ingest.base.app, ingest.licence, (tx) =>
      hideFolder(tx, ingest.licence, gone, { caughtUpAt: null, inferred: false }),
    );
    for (const loop of ['backfill', 'repair'] as const) {
      const late = ingest.store(gone, [mail(1, '<late@x>')], { loop });
      await expect(late).rejects.toThrow(OvertakenError);
    }
    expect(await ingest.messagesOf(gone)).toEqual([]);
  });

  it('stores no history that began before the position where it has to end', async () => {
    const [numbered, hidden] = [await ingest.makeFolder(), await ingest.makeFolder()];
    const begun: (Cursor | null)[] = [];
    for (const folder of [numbered, hidden]) {
      await ingest.store(folder, []);
      begun.push((await ingest.cursorsOf(folder)).backfill);
    }
    await withFence(ingest.base.app, ingest.licence, async (tx) => {
      await beginRenumbering(tx, ingest.licence, numbered, '9', null);
      await hideFolder(tx, ingest.licence, hidden, { caughtUpAt: null, inferred: false });
    });
    await ingest.makeFolder(hidden);
    for (const [i, folder] of [numbered, hidden].entries()) {
      const uidValidity = folder === numbered ? '9' : '1';
      await ingest.store(folder, [], { uidValidity });
      const late = { uidValidity, loop: 'backfill' } as const;
      const early = ingest.store(folder, [mail(1, '<early@x>')], {
        ...late,
        from: begun[i] ?? null,
      });
      await expect(early).rejects.toThrow(OvertakenError);
      await ingest.store(folder, [mail(1, '<early@x>')], late);
    }
  });

  it('lets the second of two loops see what the first has stored of a moved message', async () => {
    const [inbox, archive] = [await ingest.makeFolder(), await ingest.makeFolder()];
    const caughtUpAt = new Date(Date.now() - 1_000);
    await ingest.store(inbox, [mail(1, '<both@x>')]);
    await ingest.store(archive, []);
    const [before] = await ingest.messagesOf(inbox);
    const { live, backfill } = await ingest.cursorsOf(inbox);
    const gone = ingest.pageOf(inbox, [], { vanished: [1], caughtUpAt, from: live });
    let arrived: Promise<unknown> = Promise.resolve();
    await withFence(ingest.base.app, ingest.licence, async (tx) => {
      await storeMailPage(tx, ingest.licence, gone);
      const there = { loop: 'backfill', caughtUpAt, from: backfill } as const;
      let ended = false;
      arrived = ingest.store(archive, [mail(7, '<both@x>')], there).finally(() => (ended = true));
      await waitFor(async () => ended || (await ingest.isAnybodyWaiting()), {
        what: 'the second loop',
      });
    });
    await arrived;
    expect((await ingest.messagesOf(archive)).map((row) => row.id)).toEqual([before!.id]);
  });

  it('voids the mark of a folder that was looked at while its history was read', async () => {
    const [still, looked] = [await ingest.makeFolder(), await ingest.makeFolder()];
    for (const folder of [still, looked]) {
      await ingest.store(folder, []);
      const counters = { from: null, historyDone: false, mark: 'equal', messages: 1 };
      await withFence(ingest.base.app, ingest.licence, (tx) =>
        recordMark(tx, ingest.licence, folder, counters),
      );
    }
    const historyFrom = { uidNext: 0 };
    await ingest.store(looked, [mail(9, '<meanwhile@x>')]);
    for (const folder of [still, looked]) {
      await ingest.store(folder, [mail(1, '<history@x>')], { loop: 'backfill', historyFrom });
    }
    const marks = await ingest.read(sql`
      select id, mark from collections where id in (${still}, ${looked})`);
    expect(new Map(marks.map(({ id, mark }) => [id, mark]))).toEqual(
      new Map([
        [still, 'equal'],
        [looked, null],
      ]),
    );
  });

  it('refuses rows of a licence that has ended', async () => {
    const inbox = await ingest.makeFolder();
    const stale = { ...ingest.licence, generation: ingest.licence.generation - 1 };
    const late = withFence(ingest.base.app, stale, (tx) =>
      storeMailPage(tx, stale, ingest.pageOf(inbox, [])),
    );
    await expect(late).rejects.toThrow('another generation');
  });
});
