import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withFence } from '../../db/fence.ts';
import { storeMailPage } from '../../db/queries/ingest/store-page.ts';
import { eraseHidden, eraseUntracked } from '../../db/queries/sync/erase.ts';
import { eraseKeywords, findUnusedKeywords } from '../../db/queries/sync/unused-names.ts';
import type { Tx } from '../../db/client.ts';
import { mail, openConnection, openIngest, type Ingest } from '../support/ingest.ts';
import { waitFor } from '../support/wait-for.ts';

/** Addresses and keywords are stored once, whoever uses them: what is used again must stay. */
describe('a name that a page uses while it is erased as unused', () => {
  let ingest: Ingest;
  /** Of the same tenant: it shares the addresses. */
  let other: Ingest;
  beforeAll(async () => {
    ingest = await openIngest();
    other = await openConnection(ingest.base, ingest.vault);
  });
  afterAll(() => ingest.base.drop());

  /** Stores a page, and erases before its transaction has ended. */
  async function eraseDuring(
    page: Parameters<typeof storeMailPage>[2],
    erase: (tx: Tx) => Promise<unknown>,
  ): Promise<void> {
    let erasing: Promise<unknown> = Promise.resolve();
    await withFence(ingest.base.app, ingest.licence, async (tx) => {
      await storeMailPage(tx, ingest.licence, page);
      let ended = false;
      erasing = withFence(ingest.base.app, other.licence, erase).finally(() => (ended = true));
      await waitFor(async () => ended || (await ingest.isAnybodyWaiting()), { what: 'the eraser' });
    });
    await erasing;
  }

  /** For longer than the undo window. */
  async function hideAll({ licence, write }: Ingest): Promise<void> {
    await write(sql`update messages set hidden_at = steward_now() - interval '2 days'
      where connection_id = ${licence.connectionId}`);
  }

  async function namesOf(uid: number, folder: string): Promise<object> {
    const [row] = await ingest.read(sql`
      select
        (select count(*)::int from unnest(p.label_ids) as label (id) left join labels l
          on l.id = label.id where l.id is null) as nameless,
        (select count(*)::int from participants t left join addresses a on a.id = t.address_id
          where t.message_id = p.message_id and a.id is null) as strangers,
        cardinality(p.label_ids) as labels
      from placements p where p.folder_id = ${folder} and p.uid = ${uid}`);
    return row!;
  }

  it('keeps its row when it is a keyword', async () => {
    const inbox = await ingest.makeFolder();
    await ingest.store(inbox, [mail(1, '<k@x>', { keywords: ['urgent'], version: 1n })]);
    await ingest.write(sql`update placements set label_ids = '{}' where folder_id = ${inbox}`);
    const { live } = await ingest.cursorsOf(inbox);
    const page = ingest.pageOf(inbox, [mail(2, '<l@x>', { keywords: ['urgent'] })], { from: live });
    await eraseDuring(page, async (tx) => {
      const found = await findUnusedKeywords(tx, ingest.licence);
      expect(found).toHaveLength(1);
      expect(await eraseKeywords(tx, ingest.licence, found)).toBe(0);
    });
    expect(await namesOf(2, inbox)).toEqual({ nameless: 0, strangers: 0, labels: 1 });
  });

  it.each([
    ['hidden mail', eraseHidden],
    ['the mail of a disconnected account', eraseUntracked],
  ])('keeps its row when it is an address of %s', async (_what, erase) => {
    const from = `${erase.name}@example.org`;
    const [inbox, theirs] = [await ingest.makeFolder(), await other.makeFolder()];
    const alone = mail(1, '<a@x>', { from });
    await other.store(theirs, [{ ...alone, header: withoutRecipient(alone.header) }]);
    await hideAll(other);
    const { live } = await ingest.cursorsOf(inbox);
    const page = ingest.pageOf(inbox, [mail(2, '<b@x>', { from })], { from: live });
    await eraseDuring(page, (tx) => erase(tx, other.licence, 100));
    expect(await other.messagesOf(theirs)).toEqual([]);
    expect(await namesOf(2, inbox)).toEqual({ nameless: 0, strangers: 0, labels: 0 });
  });

  it('goes when the last two who used it are erased at the same time', async () => {
    const from = 'nobody@example.org';
    const places = [
      [ingest, await ingest.makeFolder()],
      [other, await other.makeFolder()],
    ] as const;
    for (const [mailbox, folder] of places) {
      await mailbox.store(folder, [mail(1, '<c@x>', { from })]);
      await hideAll(mailbox);
    }
    let second: Promise<unknown> = Promise.resolve();
    await withFence(ingest.base.app, ingest.licence, async (tx) => {
      await eraseHidden(tx, ingest.licence, 100);
      second = withFence(ingest.base.app, other.licence, (later) =>
        eraseHidden(later, other.licence, 100),
      );
      await waitFor(() => ingest.isAnybodyWaiting(), { what: 'the second eraser' });
    });
    await second;
    const id = ingest.vault.index('address', from);
    expect(await ingest.read(sql`select from addresses where id = ${id}`)).toEqual([]);
  });

  function withoutRecipient(header: Uint8Array): Uint8Array {
    return Buffer.from(
      Buffer.from(header)
        .toString()
        .replace(/^To: .*\r?\n/m, ''),
    );
  }
});
