import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withFence } from '../../db/fence.ts';
import { storeMailPage } from '../../db/queries/ingest/store-page.ts';
import { eraseHidden, eraseUntracked } from '../../db/queries/sync/erase.ts';
import {
  eraseAddresses,
  eraseKeywords,
  findUnusedAddresses,
  findUnusedKeywords,
} from '../../db/queries/sync/unused-names.ts';
import { mendAddresses } from '../../activities/mail/mend-found.ts';
import { mergeTwins } from '../../db/queries/ingest/merge-twins.ts';
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

  it('keeps its row when it is an address that nobody had', async () => {
    const from = 'late@example.org';
    const inbox = await ingest.makeFolder();
    await ingest.store(inbox, [], { vanished: [1] });
    await ingest.store(inbox, [mail(1, '<g@x>', { from })], { loop: 'backfill' });
    const id = ingest.vault.index('address', from);
    const { live } = await ingest.cursorsOf(inbox);
    const page = ingest.pageOf(inbox, [mail(2, '<h@x>', { from })], { from: live });
    await eraseDuring(page, async (tx) => {
      const { unused } = await findUnusedAddresses(tx, other.licence, lowestId);
      expect(unused).toContain(id);
      expect(await eraseAddresses(tx, other.licence, unused)).toBe(0);
    });
    expect(await namesOf(2, inbox)).toEqual({ nameless: 0, strangers: 0, labels: 0 });
  });

  function withoutRecipient(header: Uint8Array): Uint8Array {
    return Buffer.from(
      Buffer.from(header)
        .toString()
        .replace(/^To: .*\r?\n/m, ''),
    );
  }
});

/** Below all that are used. */
const lowestId = '00000000-0000-0000-0000-000000000000';

describe('an address that nobody has', () => {
  let ingest: Ingest;
  beforeAll(async () => {
    ingest = await openIngest();
  });
  afterAll(() => ingest.base.drop());

  async function isThere(address: string): Promise<boolean> {
    const id = ingest.vault.index('address', address);
    return (await ingest.read(sql`select from addresses where id = ${id}`)).length > 0;
  }

  /** As the end of a connection does, or a comparison. */
  async function mend(looksMax = Infinity): Promise<number> {
    let looks = 0;
    const { licence } = ingest;
    const mender = {
      ...{ deps: { database: ingest.base.app }, licence },
      write: (work: (tx: Tx) => Promise<number>) => withFence(ingest.base.app, licence, work),
    };
    await mendAddresses(mender, looksMax, () => (looks += 1));
    return looks;
  }

  it.each<[string, string, (folder: string, from: string) => Promise<void>]>([
    [
      'of a message that was gone before its page came',
      'gone@example.org',
      async (folder, from) => {
        await ingest.store(folder, [], { vanished: [1] });
        await ingest.store(folder, [mail(1, '<a@x>', { from })], { loop: 'backfill' });
      },
    ],
    [
      'that a repair replaced',
      'before@example.org',
      async (folder, from) => {
        const repair = { loop: 'repair', readSince: new Date() } as const;
        await ingest.store(folder, [mail(1, '<b@x>', { from })]);
        await ingest.store(folder, [mail(1, '<b@x>', { from: 'after@example.org' })], repair);
      },
    ],
    [
      'of a row that went into another',
      'twin@example.org',
      async (folder, from) => {
        await ingest.store(folder, [mail(1, '<c@x>'), mail(2, '<d@x>', { from })]);
        const [old, twin] = (await ingest.messagesOf(folder)).map(({ id }) => id);
        await withFence(ingest.base.app, ingest.licence, (tx) =>
          mergeTwins(tx, ingest.licence, [{ old: old!, twin: twin! }]),
        );
      },
    ],
  ])('is erased when it is one %s', async (_what, from, leave) => {
    const inbox = await ingest.makeFolder();
    await leave(inbox, from);
    await ingest.store(inbox, [mail(9, `<${from}>`, { from: `used-${from}` })]);
    expect(await isThere(from)).toBe(true);
    await mend();
    expect(await isThere(from)).toBe(false);
    expect(await isThere(`used-${from}`)).toBe(true);
  });

  it('is looked for among so many addresses, and everywhere when there is no bound', async () => {
    const stray = 5_000;
    await ingest.base.owner.sql`
      insert into addresses (tenant_id, id, address)
      select ${ingest.licence.tenantId}, gen_random_uuid(), '' from generate_series(1, ${stray}::int)`;
    const count = async () => {
      const [row] = await ingest.read<{ n: number }>(sql`
        select count(*)::int as n from addresses a where not exists (
          select from participants t where t.address_id = a.id)`);
      return row!.n;
    };
    expect(await count()).toBe(stray);
    expect(await mend(1)).toBe(1);
    expect(await count()).toBeGreaterThan(stray / 2);
    expect(await mend()).toBeGreaterThan(2);
    expect(await count()).toBe(0);
  });
});
