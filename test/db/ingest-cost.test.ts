import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database, Tx } from '../../db/client.ts';
import { withFence } from '../../db/fence.ts';
import { storeMoved } from '../../db/queries/ingest/moved.ts';
import {
  storeMailPage,
  type PageCounts,
  type PageToStore,
} from '../../db/queries/ingest/store-page.ts';
import { hideFolder } from '../../db/queries/sync/folders.ts';
import { findPlacedMessages } from '../../db/queries/sync/known-items.ts';
import type { RawMessage } from '../../domain/provider.ts';
import { addNeighbour } from '../support/neighbour.ts';
import { mail, openConnection, openIngest, type Ingest } from '../support/ingest.ts';

/** An import in its first minute: nothing has told the planner how large the mailbox is by now. */
const pages = 40;
const pageSize = 50;

/** What another client changes afterwards. */
const changed = Array.from({ length: 10 }, (_, i) => 7 * i + 3);

/** Rows that a page may read for each of its messages, however many the mailbox holds. */
const rowsPerMessage = 8;

let ingest: Ingest;
beforeAll(async () => {
  ingest = await openIngest();
  await addNeighbour(ingest.base);
});
afterAll(() => ingest.base.drop());

describe.each([
  ['knows nothing of any mailbox', async () => ingest],
  ['has seen the mailboxes of other tenants only', () => openIngest(ingest.base)],
  ['has seen other mailboxes of the tenant only', () => openConnection(ingest.base, ingest.vault)],
])('although the planner %s', (_, open) => {
  let mailbox: Ingest;
  let folderId: string;

  beforeAll(async () => {
    mailbox = await open();
    folderId = await mailbox.makeFolder();
  });
  afterAll(() => ingest.base.owner.sql`analyze`);

  it('a page costs its messages', async () => {
    const costs: number[] = [];
    for (let page = 0; page < pages; page += 1) {
      const { stored, cost } = await costOf(mailbox, folderId, messagesOf(page));
      expect(stored).toBe(pageSize);
      costs.push(cost);
    }
    expect(Math.max(...costs)).toBeLessThan(pageSize * rowsPerMessage);
  }, 120_000);

  it('a look at what stands at the UIDs of a page costs the page', async () => {
    const uids = messagesOf(0).map(({ uid }) => uid);
    const { tenantId } = mailbox.licence;
    const [found, cost] = await withFence(mailbox.base.app, mailbox.licence, async (tx) => {
      // In this transaction, whose rows are counted, instead of one of its own.
      const transaction = async <T>(work: (inner: Tx) => Promise<T>): Promise<T> => await work(tx);
      const database = { db: { transaction } } as unknown as Database;
      const before = await rowsRead(tx);
      const known = await findPlacedMessages(database, tenantId, folderId, uids);
      return [known, (await rowsRead(tx)) - before];
    });
    expect([...found.keys()].toSorted((a, b) => a - b)).toEqual(uids);
    expect(cost).toBeLessThan(pageSize * rowsPerMessage);
  });

  it('changes of flags cost what they change', async () => {
    const flagChanges = changed.map((uid) => ({ uid, flags: 1, keywords: [], version: 9n }));
    const flagChangeLabels = changed.map(() => []);
    const { cost } = await costOf(mailbox, folderId, [], { flagChanges, flagChangeLabels });
    expect(cost).toBeLessThan(changed.length * rowsPerMessage);
  });

  it('a move of ours costs what it moves', async () => {
    const toFolderId = await mailbox.makeFolder();
    const moved = changed.map((uid, i) => ({ uid: uid + 1, newUid: i + 1 }));
    const places = { from: { folderId, uidValidity: '1' }, toFolderId, moved };
    const cost = await withFence(mailbox.base.app, mailbox.licence, async (tx) => {
      const before = await rowsRead(tx);
      await storeMoved(tx, mailbox.licence, places);
      return (await rowsRead(tx)) - before;
    });
    expect(cost).toBeLessThan(changed.length * rowsPerMessage);
    expect(await mailbox.messagesOf(toFolderId)).toHaveLength(changed.length);
  });

  it('deletions cost what they delete', async () => {
    const gone = { vanished: changed, caughtUpAt: new Date(0) };
    const { removed, cost } = await costOf(mailbox, folderId, [], gone);
    expect(removed).toBe(changed.length);
    expect(cost).toBeLessThan(changed.length * rowsPerMessage);
  });

  it('deletions that are held cost what is missing', async () => {
    const uids = (await mailbox.messagesOf(folderId)).map(({ uid }) => Number(uid));
    const vanished = uids.filter((uid) => uid % 2 === 0);
    const gone = { vanished, inferred: true, caughtUpAt: new Date(0) };
    const { removed, cost } = await costOf(mailbox, folderId, [], gone);
    expect(removed).toBe(0);
    expect(cost).toBeLessThan(vanished.length * 3 * rowsPerMessage);
  }, 60_000);

  it.each([
    ['is missing from a listing, and held', true],
    ['is said to be gone, and hidden', false],
  ])(
    'a folder that %s costs what is in it',
    async (_how, inferred) => {
      const { base, licence, messagesOf: shown } = mailbox;
      const messages = (await shown(folderId)).length;
      expect(messages).toBeGreaterThan(0.9 * pages * pageSize);
      const cost = await withFence(base.app, licence, async (tx) => {
        const before = await rowsRead(tx);
        await hideFolder(tx, licence, folderId, { caughtUpAt: new Date(0), inferred });
        return (await rowsRead(tx)) - before;
      });
      expect(await shown(folderId)).toHaveLength(inferred ? messages : 0);
      expect(cost).toBeLessThan(messages * 2 * rowsPerMessage);
    },
    60_000,
  );
});

/** Every other page answers two messages of the page before with each, which joins their threads. */
function messagesOf(page: number): RawMessage[] {
  return Array.from({ length: pageSize }, (_, i) => {
    const uid = page * pageSize + 1 + i;
    const before = uid - pageSize;
    const references = page % 2 === 0 ? `<never-seen-${uid}@x>` : `<${before}@x> <${before + 1}@x>`;
    return mail(uid, `<${uid}@x>`, { references, from: `sender${uid % 97}@example.org` });
  });
}

/** Stores a page and counts the rows that it read, whole tables and by index. */
async function costOf(
  { base, licence, pageOf, cursorsOf }: Ingest,
  folderId: string,
  messages: RawMessage[],
  more: Partial<PageToStore> = {},
): Promise<PageCounts & { cost: number }> {
  const { live: from } = await cursorsOf(folderId);
  const page = pageOf(folderId, messages, { from, ...more });
  return await withFence(base.app, licence, async (tx) => {
    const before = await rowsRead(tx);
    const counts = await storeMailPage(tx, licence, page);
    return { ...counts, cost: (await rowsRead(tx)) - before };
  });
}

/** What the session has read since its counts were handed in. */
async function rowsRead(tx: Tx): Promise<number> {
  const [read] = await tx.execute<{ rows: string | null }>(sql`
    select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) as rows
    from pg_stat_xact_user_tables`);
  return Number(read!.rows);
}
