import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tx } from '../../db/client.ts';
import { withFence } from '../../db/fence.ts';
import { storeMailPage } from '../../db/queries/ingest/store-page.ts';
import { findPlacedMessages } from '../../db/queries/sync/known-items.ts';
import { mail, openConnection, openIngest, type Ingest } from '../support/ingest.ts';

/** An import in its first minute: nothing has told the planner how large the mailbox is by now. */
const pages = 40;
const pageSize = 50;

/** Rows that a page may read for each of its messages, however many the mailbox holds. */
const rowsPerMessage = 8;

let ingest: Ingest;
beforeAll(async () => {
  ingest = await openIngest();
  const tables = ['messages', 'placements', 'participants', 'addresses', 'thread_references'];
  for (const table of [...tables, 'tombstones', 'skips']) {
    await ingest.base.owner
      .sql`alter table ${ingest.base.owner.sql(table)} set (autovacuum_enabled = false)`;
  }
});
afterAll(() => ingest.base.drop());

describe('a page costs its messages, although the planner', () => {
  it('knows nothing of any mailbox', async () => {
    expect(await costliestPage(ingest)).toBeLessThan(pageSize * rowsPerMessage);
  }, 120_000);

  it('has seen the mailboxes of other tenants only', async () => {
    await ingest.base.owner.sql`analyze`;
    const neighbour = await openIngest(ingest.base);
    expect(await costliestPage(neighbour)).toBeLessThan(pageSize * rowsPerMessage);
  }, 120_000);

  it('has seen other mailboxes of the tenant only', async () => {
    await ingest.base.owner.sql`analyze`;
    const second = await openConnection(ingest.base, ingest.vault);
    expect(await costliestPage(second)).toBeLessThan(pageSize * rowsPerMessage);
  }, 120_000);
});

async function costliestPage(ingest: Ingest): Promise<number> {
  const folderId = await ingest.makeFolder();
  const costs: number[] = [];
  for (let page = 0; page < pages; page += 1) costs.push(await storePage(ingest, folderId, page));
  return Math.max(...costs);
}

/** Answers to each other and to mail of other pages, so that threads are looked up and joined. */
async function storePage(ingest: Ingest, folderId: string, page: number): Promise<number> {
  const { base, licence, pageOf, cursorsOf } = ingest;
  const first = page * pageSize + 1;
  const messages = Array.from({ length: pageSize }, (_, i) => {
    const uid = first + i;
    const references = `<${Math.ceil(uid / 2)}@x> <${uid + pageSize}@x> <${uid - 1}@x>`;
    return mail(uid, `<${uid}@x>`, { references, from: `sender${uid % 97}@example.org` });
  });
  const { live: from } = await cursorsOf(folderId);
  const uids = messages.map(({ uid }) => uid);
  expect(await findPlacedMessages(base.app, licence.tenantId, folderId, uids)).toEqual(new Map());
  return await withFence(base.app, licence, async (tx) => {
    const before = await rowsRead(tx);
    const counts = await storeMailPage(tx, licence, pageOf(folderId, messages, { from }));
    expect(counts.stored).toBe(pageSize);
    return (await rowsRead(tx)) - before;
  });
}

/** What the session has read since its counts were handed in, whole tables and by index. */
async function rowsRead(tx: Tx): Promise<number> {
  const [read] = await tx.execute<{ rows: string | null }>(sql`
    select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) as rows
    from pg_stat_xact_user_tables`);
  return Number(read!.rows);
}
